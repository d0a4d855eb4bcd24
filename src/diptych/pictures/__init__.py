"""Pictures of models and of trainings, drawn without any other program."""
