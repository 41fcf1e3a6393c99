"""Who gets the processor when there is not enough of it."""

from tests.running import Installation


def test_workers_give_way_to_the_server(installation: Installation) -> None:
    server = installation.serve()
    token = installation.token()
    client = server.client(token)
    # Once a job is done the worker is there for certain.
    client.wait_for(client.submit(duration=1), "completed")
    assert [worker.nice() > server.process.nice() for worker in server.workers()] == [True]
