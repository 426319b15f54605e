"""The story that ``make run`` tells: a client of a laptop cloud that it starts as a process of its own.

It uses the HTTP API by the Python client, and boto3 for what the API does not offer: a chosen key in the uploads bucket, the
objects of the lake, and one look at the changes of all models.

- ``__main__``  the ``python -m demo`` command
- ``preflight`` what of a story's options cannot work
- ``cloud``     the laptop cloud as a child process: started, waited for, stopped
- ``stage``     where the deployed stage is, and clients of it
- ``ledger``    what changed in the ledger's table, as lines of text
- ``narrator``  asks, waits and prints
- ``story``     what is told: the first versions, then a better one; ``tables``: new raw data of one model
- ``console``   how it is printed
"""
