"""The demonstration of ``make run``: starts a laptop cloud as a child process and shows models improve on it.

It calls the HTTP API with the Python client, and uses boto3 for what the API does not offer: uploads under a
chosen key, objects of the lake, and a scan of the ledger for the changes of all models.

- ``__main__``  the ``python -m demo`` command
- ``preflight`` checks of the command line
- ``cloud``     the laptop cloud as a child process
- ``stage``     the deployed stage and its clients
- ``ledger``    changes of the ledger as lines of text
- ``narrator``  calls the API, waits and prints; ``evidence``: how sure a lead is
- ``story``     first versions, then a better one; ``tables``: new raw data of one model
- ``console``   output
"""
