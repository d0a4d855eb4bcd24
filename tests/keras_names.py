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
    "keras.activations": """
        sparse_plus sparse_sigmoid sparsemax
    """,
    "keras.applications": """
        ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge DenseNet121
        DenseNet169 DenseNet201 EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3
        EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 EfficientNetV2B0
        EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M
        EfficientNetV2S InceptionResNetV2 InceptionV3 MobileNet MobileNetV2 MobileNetV3Large
        MobileNetV3Small NASNetLarge NASNetMobile ResNet101 ResNet101V2 ResNet152
        ResNet152V2 ResNet50 ResNet50V2 Xception
    """,
    "keras.applications.convnext": """
        ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge
    """,
    "keras.applications.densenet": """
        DenseNet121 DenseNet169 DenseNet201
    """,
    "keras.applications.efficientnet": """
        EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4
        EfficientNetB5 EfficientNetB6 EfficientNetB7
    """,
    "keras.applications.efficientnet_v2": """
        EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L
        EfficientNetV2M EfficientNetV2S
    """,
    "keras.applications.inception_resnet_v2": """
        InceptionResNetV2
    """,
    "keras.applications.inception_v3": """
        InceptionV3
    """,
    "keras.applications.mobilenet": """
        MobileNet
    """,
    "keras.applications.mobilenet_v2": """
        MobileNetV2
    """,
    "keras.applications.nasnet": """
        NASNetLarge NASNetMobile
    """,
    "keras.applications.resnet": """
        ResNet101 ResNet152 ResNet50
    """,
    "keras.applications.resnet50": """
        ResNet50
    """,
    "keras.applications.resnet_v2": """
        ResNet101V2 ResNet152V2 ResNet50V2
    """,
    "keras.applications.xception": """
        Xception
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
    "keras.datasets.boston_housing": """
        load_data
    """,
    "keras.datasets.california_housing": """
        load_data
    """,
    "keras.datasets.cifar10": """
        load_data
    """,
    "keras.datasets.cifar100": """
        load_data
    """,
    "keras.datasets.fashion_mnist": """
        load_data
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
    "keras.initializers": """
        STFT STFTInitializer stft
    """,
    "keras.layers": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AugMix AutoContrast
        ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization HashedCrossing
        MelSpectrogram MixUp Pipeline RandAugment RandomColorDegeneration RandomColorJitter
        RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale RandomHue
        RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness
        RandomShear ReversibleEmbedding STFTSpectrogram Solarization
    """,
    "keras.legacy.saving": """
        deserialize_keras_object serialize_keras_object
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
        adaptive_average_pool adaptive_max_pool angle argpartition associative_scan bartlett
        blackman cdist cholesky_inverse cond conj conjugate corrcoef correlate ctc_decode
        ctc_loss custom_gradient depth_to_space dsplit dstack eig extract_sequences fft fft2
        fold fori_loop gcd geomspace hamming hanning heaviside hsplit i0 ifft2 imag irfft
        isreal istft jvp kaiser kron lcm ldexp lstsq lu_factor map nanmedian nanpercentile
        nanquantile nextafter polar psnr real rearrange rfft saturate_cast scan scatter
        scatter_update segment_min segment_prod signbit solve_triangular space_to_depth
        sparse_plus sparse_sigmoid sparsemax stft switch trapezoid unfold unique
        unravel_index vander vectorize vectorized_map view view_as_complex view_as_real
        vsplit while_loop
    """,
    "keras.ops.image": """
        elastic_transform extract_patches extract_patches_3d gaussian_blur map_coordinates
        scale_and_translate sobel_edges ssim
    """,
    "keras.ops.linalg": """
        cholesky_inverse eig jvp lstsq lu_factor norm solve_triangular
    """,
    "keras.ops.nn": """
        adaptive_average_pool adaptive_max_pool average_pool batch_normalization
        binary_crossentropy categorical_crossentropy conv conv_transpose ctc_decode ctc_loss
        depth_to_space depthwise_conv dot_product_attention fold hard_swish
        layer_normalization max_pool moments multi_hot normalize one_hot polar psnr
        rms_normalization separable_conv space_to_depth sparse_categorical_crossentropy
        sparse_plus sparse_sigmoid sparsemax swish unfold
    """,
    "keras.ops.numpy": """
        abs absolute add all allclose amax amin angle any append arange arccos arccosh
        arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort array
        array_split average bartlett bincount bitwise_and bitwise_invert bitwise_left_shift
        bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman broadcast_to cbrt
        ceil clip concatenate conj conjugate copy corrcoef correlate cos cosh count_nonzero
        cross cumprod cumsum deg2rad diag diagflat diagonal diff digitize divide
        divide_no_nan dot dsplit dstack einsum empty empty_like equal exp exp2 expand_dims
        expm1 eye fabs flip fliplr flipud floor floor_divide fmax fmin fmod full full_like
        gcd geomspace get_item greater greater_equal hamming hanning heaviside histogram
        hsplit hstack hypot i0 identity imag inner isclose isfinite isin isinf isnan
        isneginf isposinf isreal kaiser kron lcm ldexp left_shift less less_equal linspace
        log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or
        logical_xor logspace matmul max maximum mean median meshgrid min minimum mod
        moveaxis multiply nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean
        nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar ndim
        negative nextafter nonzero not_equal ones ones_like outer pad percentile power prod
        ptp quantile rad2deg ravel real reciprocal repeat reshape right_shift roll rot90
        round searchsorted select sign signbit sin sinc sinh size slogdet sort split sqrt
        square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh
        tensordot tile trace transpose trapezoid tri tril triu true_divide trunc unique
        unravel_index vander var vdot vectorize view vsplit vstack where zeros zeros_like
    """,
    "keras.optimizers": """
        Adafactor Lamb LossScaleOptimizer MultiOptimizer Muon OptimizerMap ScheduleFreeAdamW
    """,
    "keras.optimizers.legacy": """
        Adagrad Adam Ftrl Optimizer RMSprop SGD
    """,
    "keras.preprocessing": """
        image_dataset_from_directory
    """,
    "keras.saving": """
        KerasFileEditor
    """,
    "keras.tree": """
        MAP_TO_NONE assert_same_paths assert_same_structure flatten flatten_with_path
        is_nested lists_to_tuples map_shape_structure map_structure map_structure_up_to
        pack_sequence_as traverse
    """,
    "keras.utils": """
        Config FeatureSpace audio_dataset_from_directory deserialize_keras_object
        disable_interactive_logging enable_interactive_logging get_file get_source_inputs
        image_dataset_from_directory is_interactive_logging_enabled is_keras_tensor
        model_to_dot plot_model serialize_keras_object split_dataset standardize_dtype
    """,
    "keras.utils.legacy": """
        deserialize_keras_object serialize_keras_object
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
    keras.Input
    keras.KerasTensor
    keras.Variable
    keras.backend.clear_session
    keras.layers.Input
    keras.models.clone_model
    keras.models.save_model
    keras.ops.amax
    keras.ops.amin
    keras.ops.bitwise_and
    keras.ops.bitwise_left_shift
    keras.ops.bitwise_or
    keras.ops.bitwise_right_shift
    keras.ops.bitwise_xor
    keras.ops.cross
    keras.ops.left_shift
    keras.ops.matrix_rank
    keras.ops.multi_hot
    keras.ops.pinv
    keras.ops.relu
    keras.ops.right_shift
    keras.ops.stop_gradient
    keras.ops.linalg.matrix_rank
    keras.ops.linalg.pinv
    keras.ops.nn.relu
    keras.preprocessing.text_dataset_from_directory
    keras.preprocessing.timeseries_dataset_from_array
    keras.preprocessing.image.load_img
    keras.preprocessing.image.smart_resize
    keras.saving.deserialize_keras_object
    keras.saving.get_registered_name
    keras.saving.get_registered_object
    keras.saving.load_weights
    keras.saving.save_model
    keras.saving.save_weights
    keras.utils.Progbar
    keras.utils.get_registered_name
    keras.utils.get_registered_object
    keras.utils.load_img
    keras.utils.text_dataset_from_directory
    keras.utils.timeseries_dataset_from_array
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
}
