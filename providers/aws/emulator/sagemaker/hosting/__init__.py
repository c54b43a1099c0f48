"""Behind an endpoint: what its models are made of, the servers, how it changes, and what happens at an invocation.

The servers and their router belong to the local cloud's supervisor, so they outlive the emulator's process.

    containers.py     a model's container: its image, its model data, its environment
    model_folder.py   the folder that a container sees as /opt/ml
    servers.py        the command that serves it
    config_checks.py  what is wrong with an endpoint configuration
    fleet.py          the servers of one
    deployment.py     how a new fleet takes over: blue/green, canary, linear, rolling
    records.py        endpoints in the state
    begin.py          a change that is asked for, noted and begun
    run.py            that change followed to its end; alarms.py turns it back, outcome.py and summaries.py describe it
    live.py           what invocations need and leave behind, in memory (target.py, counting.py, connections.py)
    invocation.py     one request to a model, and what is said when there is no good answer
    serverless.py     variants that sleep
    queue.py          asynchronous invocations
    background.py     what goes on beside: metrics.py, capture.py, logs.py, scaling.py
"""
