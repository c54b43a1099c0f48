"""What runs in a serving container's place: the contract of AWS's framework images, in the image's own environment.

A copy of this package, and of `training/` for what both containers do, is all of the kit that a server finds; the
user's code does not see it. It follows sagemaker-containers 2.8, which the scikit-learn image serves with.

    launch.py         the file that Python is started with
    serve.py          one process: code and packages in place, the model loaded, then the port
    settings.py       the variables by which a container is told what to do
    user_code.py      the user's module, fetched, installed and imported
    handlers.py       model_fn, input_fn, predict_fn, output_fn, transform_fn, and what stands for absent ones
    content.py        JSON, CSV and NumPy to arrays and back
    xgboost_model.py  the XGBoost image: libsvm and CSV, and a bare model without a script
    replies.py        what a user's function returns, as an HTTP reply
    http_server.py    HTTP/1.1, a thread a connection
"""
