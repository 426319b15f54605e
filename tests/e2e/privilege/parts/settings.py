"""What AWS asks a role for when a function or a state machine is configured, as a deployment does."""

from __future__ import annotations

from botocore.exceptions import ClientError

from tests.e2e.privilege.bench import TRACE, Bench
from tests.e2e.privilege.machine import Machine
from tests.e2e.privilege.run import Moments
from tests.e2e.privilege.trial import Broken, Part


def tracing(bench: Bench, _moments: Moments) -> Part:
    client = bench.stage.client("lambda")
    pages = client.get_paginator("list_functions").paginate()
    found = [function for page in pages for function in page["Functions"]]
    traced = [f for f in found if bench.name("") in f["FunctionArn"]]

    def every_function_may_be_traced() -> None:
        for function in traced:
            try:
                client.update_function_configuration(
                    FunctionName=function["FunctionName"], TracingConfig=function["TracingConfig"]
                )
            except ClientError as error:
                raise Broken(str(error)) from error

    grants = [grant for function in traced for grant in bench.of_role(function["Role"], TRACE)]
    return Part(grants, [every_function_may_be_traced])


def logging(machine: Machine, bench: Bench, *actions: str) -> Part:
    account, name = ":".join(machine.arn.split(":")[3:5]), machine.arn.rpartition(":")[2]
    group = f"arn:aws:logs:{account}:log-group:/aws/vendedlogs/states/{name}:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]
    wanted = {"level": "ALL", "includeExecutionData": True, "destinations": destinations}

    def the_machine_may_log() -> None:
        try:
            machine.client.update_state_machine(stateMachineArn=machine.arn, loggingConfiguration=wanted)
        except ClientError as error:
            raise Broken(str(error)) from error

    grants = [grant for grant in bench.of_role(machine.role) if grant.action.startswith(actions)]
    return Part(grants, [the_machine_may_log])


def machine_log(bench: Bench, _moments: Moments) -> Part:
    return logging(bench.machine, bench, "logs:")


def restores_log(bench: Bench, _moments: Moments) -> Part:
    return logging(bench.restores, bench, "logs:", "xray:")


PARTS = {"tracing": tracing, "machine_log": machine_log, "restores_log": restores_log}
