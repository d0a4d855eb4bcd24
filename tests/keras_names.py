"""What of Keras is not there, or not alike: the lists of `test_keras_names`."""

# Names and whole modules that will not come, and why.
OUT_OF_SCOPE = {
    "keras.Quantizer": "quantisation",
    "keras.dtype_policies.AWQDTypePolicy": "quantisation",
    "keras.dtype_policies.GPTQDTypePolicy": "quantisation",
    "keras.dtype_policies.Int4DTypePolicy": "quantisation",
    "keras.dtype_policies.QuantizedDTypePolicy": "quantisation",
    "keras.dtype_policies.QuantizedFloat8DTypePolicy": "quantisation",
    "keras.quantizers": "quantisation",
    "keras.layers.FlaxLayer": "another framework's",
    "keras.layers.JaxLayer": "another framework's",
    "keras.layers.TFSMLayer": "another framework's",
    "keras.layers.TorchModuleWrapper": "another framework's",
    "keras.callbacks.OrbaxCheckpoint": "another framework's",
    "keras.layers.MaxNumBoundingBoxes": "bounding boxes",
    "keras.utils.bounding_boxes": "bounding boxes",
    "keras.visualization.draw_bounding_boxes": "bounding boxes",
    "keras.visualization.plot_bounding_box_gallery": "bounding boxes",
    "keras.export.ExportArchive": "TensorFlow's SavedModel, made of its functions and variables",
}

# Names that are not there yet, by module. A name that comes goes from this list.
MISSING: dict[str, str] = {}

# Methods of classes that are not there yet.
MISSING_METHODS: dict[str, str] = {}

# Methods that will not come, by a part of their names, and why.
NOT_MEANT = {
    "quantiz": "quantisation",
    "lora": "low-rank adaptation, for models far larger than these",
    "bounding_box": "bounding boxes",
    "bbox": "bounding boxes",
    "inner_loop": "Keras's recurrent layers share this loop; here the twins have it",
}

# Functions and classes whose arguments are not yet those of Keras.
UNLIKE: set[str] = set()

# Arguments that stay different: more of them, or a default where Keras has none.
DIFFERENT = {
    "keras.Model": "inputs=None outputs=None engine=None",
    "keras.Sequential": "layers=None engine=None",
    "keras.datasets.imdb.load_data": """
        path='imdb.npz' num_words=None skip_top=0 maxlen=None seed=113 start_char=1
        oov_char=2 index_from=3
    """,
    "keras.distribution.DataParallel": (
        "device_mesh=None devices=None auto_shard_dataset=True slices=8"
    ),
    "keras.layers.AdditiveAttention": "use_scale=True dropout=0.0 seed=None",
    "keras.layers.AveragePooling1D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.AveragePooling2D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.AveragePooling3D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.AvgPool1D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.AvgPool2D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.AvgPool3D": "pool_size=2 strides=None padding='valid' data_format=None",
    "keras.layers.IntegerLookup": """
        max_tokens=None num_oov_indices=1 mask_token=None oov_token=-1 vocabulary=None
        vocabulary_dtype='int64' idf_weights=None invert=False output_mode='int'
        sparse=False pad_to_max_tokens=False oov_method='floormod' salt=None
        vocabulary_size=None has_input_vocabulary=None
    """,
    "keras.layers.LayerNormalization": """
        axis=-1 epsilon=0.001 center=True scale=True beta_initializer='zeros'
        gamma_initializer='ones' beta_regularizer=None gamma_regularizer=None
        beta_constraint=None gamma_constraint=None rms_scaling=False
    """,
    "keras.layers.StringLookup": """
        max_tokens=None num_oov_indices=1 mask_token=None oov_token='[UNK]' vocabulary=None
        idf_weights=None invert=False output_mode='int' pad_to_max_tokens=False sparse=False
        encoding='utf-8' salt=None oov_method='floormod' vocabulary_size=None
        has_input_vocabulary=None
    """,
    "keras.layers.TextVectorization": """
        max_tokens=None standardize='lower_and_strip_punctuation' split='whitespace'
        ngrams=None output_mode='int' output_sequence_length=None pad_to_max_tokens=False
        vocabulary=None idf_weights=None sparse=False ragged=False encoding='utf-8'
        vocabulary_size=None has_input_vocabulary=None
    """,
    "keras.layers.dot": "inputs axes=-1 normalize=False **kwargs",
    "keras.models.Model": "inputs=None outputs=None engine=None",
    "keras.models.Sequential": "layers=None engine=None",
    "keras.ops.layer_normalization": """
        x gamma=None beta=None axis=-1 epsilon=None rms_scaling=False
    """,
    "keras.ops.nn.layer_normalization": """
        x gamma=None beta=None axis=-1 epsilon=None rms_scaling=False
    """,
    "keras.ops.nn.relu": "x negative_slope=0.0 max_value=None threshold=0.0",
    "keras.ops.relu": "x negative_slope=0.0 max_value=None threshold=0.0",
    "keras.optimizers.legacy.Adagrad": """
        learning_rate=0.001 initial_accumulator_value=0.1 epsilon=1e-07 weight_decay=None
        clipnorm=None clipvalue=None global_clipnorm=None use_ema=False ema_momentum=0.99
        ema_overwrite_frequency=None loss_scale_factor=None gradient_accumulation_steps=None
    """,
    "keras.optimizers.legacy.Adam": """
        learning_rate=0.001 beta_1=0.9 beta_2=0.999 epsilon=1e-07 amsgrad=False
        weight_decay=None clipnorm=None clipvalue=None global_clipnorm=None use_ema=False
        ema_momentum=0.99 ema_overwrite_frequency=None loss_scale_factor=None
        gradient_accumulation_steps=None
    """,
    "keras.optimizers.legacy.Ftrl": """
        learning_rate=0.001 learning_rate_power=-0.5 initial_accumulator_value=0.1
        l1_regularization_strength=0.0 l2_regularization_strength=0.0
        l2_shrinkage_regularization_strength=0.0 beta=0.0 weight_decay=None clipnorm=None
        clipvalue=None global_clipnorm=None use_ema=False ema_momentum=0.99
        ema_overwrite_frequency=None loss_scale_factor=None gradient_accumulation_steps=None
    """,
    "keras.optimizers.legacy.Optimizer": """
        learning_rate weight_decay=None clipnorm=None clipvalue=None global_clipnorm=None
        use_ema=False ema_momentum=0.99 ema_overwrite_frequency=None loss_scale_factor=None
        gradient_accumulation_steps=None
    """,
    "keras.optimizers.legacy.RMSprop": """
        learning_rate=0.001 rho=0.9 momentum=0.0 epsilon=1e-07 centered=False weight_decay=None
        clipnorm=None clipvalue=None global_clipnorm=None use_ema=False ema_momentum=0.99
        ema_overwrite_frequency=None loss_scale_factor=None gradient_accumulation_steps=None
    """,
    "keras.optimizers.legacy.SGD": """
        learning_rate=0.01 momentum=0.0 nesterov=False weight_decay=None clipnorm=None
        clipvalue=None global_clipnorm=None use_ema=False ema_momentum=0.99
        ema_overwrite_frequency=None loss_scale_factor=None gradient_accumulation_steps=None
    """,
}
