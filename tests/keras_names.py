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
}

# Names that are not there yet, by module. A name that comes goes from this list.
MISSING = {
    "keras": """
        DTypePolicy FloatDTypePolicy Function Operation RematScope StatelessScope
        SymbolicScope device name_scope remat
    """,
    "keras.backend": """
        result_type
    """,
    "keras.config": """
        disable_flash_attention disable_traceback_filtering dtype_policy
        enable_flash_attention enable_traceback_filtering enable_unsafe_deserialization
        is_flash_attention_enabled is_nnx_enabled is_traceback_filtering_enabled max_epochs
        max_steps_per_epoch set_backend set_dtype_policy set_max_epochs
        set_max_steps_per_epoch
    """,
    "keras.distillation": """
        DistillationLoss Distiller FeatureDistillation LogitsDistillation
    """,
    "keras.distribution": """
        DataParallel DeviceMesh LayoutMap ModelParallel TensorLayout distribute_tensor
        distribution get_device_count initialize list_devices set_distribution
    """,
    "keras.dtype_policies": """
        DTypePolicy DTypePolicyMap FloatDTypePolicy deserialize get serialize
    """,
    "keras.export": """
        ExportArchive
    """,
    "keras.layers": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AugMix AutoContrast
        ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization
        MelSpectrogram MixUp Pipeline RandAugment RandomColorDegeneration RandomColorJitter
        RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale RandomHue
        RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness
        RandomShear ReversibleEmbedding STFTSpectrogram Solarization
    """,
    "keras.losses": """
        CTC CategoricalGeneralizedCrossEntropy Circle Dice Tversky
        categorical_generalized_cross_entropy circle ctc dice tversky
    """,
    "keras.metrics": """
        BinaryIoU ConcordanceCorrelation IoU MeanIoU OneHotIoU OneHotMeanIoU
        PearsonCorrelation PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity
        SpecificityAtSensitivity concordance_correlation pearson_correlation
    """,
    "keras.mixed_precision": """
        DTypePolicy LossScaleOptimizer Policy dtype_policy global_policy set_dtype_policy
        set_global_policy
    """,
    "keras.ops": """
        ctc_loss
    """,
    "keras.ops.nn": """
        ctc_loss
    """,
    "keras.optimizers": """
        Adafactor Lamb LossScaleOptimizer MultiOptimizer Muon OptimizerMap ScheduleFreeAdamW
    """,
    "keras.optimizers.legacy": """
        Adagrad Adam Ftrl Optimizer RMSprop SGD
    """,
    "keras.saving": """
        KerasFileEditor
    """,
    "keras.visualization": """
        draw_bounding_boxes draw_segmentation_masks plot_bounding_box_gallery
        plot_image_gallery plot_segmentation_mask_gallery
    """,
    "keras.wrappers": """
        SKLearnClassifier SKLearnRegressor SKLearnTransformer
    """,
}

# Methods of classes that are not there yet.
MISSING_METHODS = {
    "keras.utils.FeatureSpace": """
        save
    """,
    "keras.InputSpec": """
        from_config get_config
    """,
    "keras.Layer": """
        add_metric add_variable rematerialized_call stateless_call symbolic_call
    """,
    "keras.Metric": """
        stateless_reset_state stateless_result stateless_update_state
    """,
    "keras.Model": """
        compute_loss_and_updates export get_state_tree jax_state_sync make_predict_function
        make_test_function make_train_function set_state_tree stateless_compute_loss
    """,
    "keras.Optimizer": """
        stateless_apply
    """,
    "keras.callbacks.EarlyStopping": """
        get_monitor_value
    """,
    "keras.callbacks.ReduceLROnPlateau": """
        in_cooldown
    """,
    "keras.layers.CategoryEncoding": """
        convert_weight
    """,
    "keras.layers.CenterCrop": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.Conv1D": """
        convolution_op
    """,
    "keras.layers.Conv2D": """
        convolution_op
    """,
    "keras.layers.Conv3D": """
        convolution_op
    """,
    "keras.layers.Convolution1D": """
        convolution_op
    """,
    "keras.layers.Convolution2D": """
        convolution_op
    """,
    "keras.layers.Convolution3D": """
        convolution_op
    """,
    "keras.layers.Discretization": """
        convert_weight
    """,
    "keras.layers.GRU": """
        inner_loop
    """,
    "keras.layers.InputSpec": """
        from_config get_config
    """,
    "keras.layers.LSTM": """
        inner_loop
    """,
    "keras.layers.Layer": """
        add_metric add_variable rematerialized_call stateless_call symbolic_call
    """,
    "keras.layers.Normalization": """
        convert_weight finalize_state
    """,
    "keras.layers.RNN": """
        inner_loop
    """,
    "keras.layers.RandomBrightness": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomContrast": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomCrop": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomFlip": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomRotation": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomTranslation": """
        convert_weight get_transformed_x_y transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.RandomZoom": """
        convert_weight get_transformed_x_y transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.Rescaling": """
        convert_weight
    """,
    "keras.layers.Resizing": """
        convert_weight transform_single_image transform_single_label
        transform_single_segmentation_mask
    """,
    "keras.layers.SpectralNormalization": """
        normalized_weights
    """,
    "keras.metrics.AUC": """
        interpolate_pr_auc
    """,
    "keras.metrics.Metric": """
        stateless_reset_state stateless_result stateless_update_state
    """,
    "keras.models.Model": """
        compute_loss_and_updates export get_state_tree jax_state_sync make_predict_function
        make_test_function make_train_function set_state_tree stateless_compute_loss
    """,
    "keras.optimizers.Optimizer": """
        stateless_apply
    """,
    "keras.random.SeedGenerator": """
        next
    """,
}

# Functions and classes whose arguments are not yet those of Keras.
UNLIKE = set(
    """
    keras.utils.deserialize_keras_object
    keras.Input
    keras.KerasTensor
    keras.Variable
    keras.backend.clear_session
    keras.layers.Input
    keras.models.clone_model
    keras.models.save_model
    keras.preprocessing.image.smart_resize
    keras.saving.deserialize_keras_object
    keras.saving.load_weights
    keras.saving.save_model
    keras.saving.save_weights
    keras.utils.Progbar
    """.split()
)

# Arguments that stay different: more of them, or a default where Keras has none.
DIFFERENT = {
    "keras.Model": "inputs=None outputs=None engine=None",
    "keras.Sequential": "layers=None engine=None",
    "keras.datasets.imdb.load_data": """
        path='imdb.npz' num_words=None skip_top=0 maxlen=None seed=113 start_char=1
        oov_char=2 index_from=3
    """,
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
}
