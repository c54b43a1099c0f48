"""The endpoint router: one stable address in front of the model servers of one endpoint.

One process an endpoint, raw HTTP/1.1 forwarding on asyncio protocols. It reads its route table from a file
and swaps it on a word over its control socket, so it needs no supervisor to go on serving.

    table.py       the route table: deployments, weights, replicas
    choice.py      which deployment answers a request
    downstream.py  a client's connection: parses requests, writes replies in order
    exchange.py    one request on its way
    upstream.py    a connection to a replica: parses replies
    replica.py     a replica: its connection pool, its queue, whether it is up
    proxy.py       dispatch, safe retries, time limits
    health.py      active probes
    stats.py       counters, latency histograms, Prometheus text
    control.py     reload, stats, drain
"""
