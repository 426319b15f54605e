"""The functions of a run's way: open, check data, judge, register, deploy, smoke, publish, advance, watch, promote, retire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from relearn.spec.hosting import InLambda
from tests.e2e.privilege.bench import Bench
from tests.e2e.privilege.online import SOME
from tests.e2e.privilege.run import MODEL, Moments
from tests.e2e.privilege.trial import Broken, Part
from training import catalog

OLD, NEW = 1, 2
STAND_IN, ON_INSTANCES = 91, 92
SCALED = {
    "type": "realtime",
    "instance": "ml.m5.large",
    "minimum": 1,
    "maximum": 2,
    "target_invocations": 1000,
}


def simple(step: str, function: str) -> Any:
    """Make the part of a function that does its step from where it began, again and again."""

    def part(bench: Bench, moments: Moments) -> Part:
        moment = moments[step]

        def step_of_the_run() -> None:
            bench.ledger.write(moment.book)
            bench.invoke(function, moment.context)

        return Part(bench.of_function(function), [step_of_the_run])

    return part


def open_run(bench: Bench, moments: Moments) -> Part:
    """An earlier run left its online features where the job would download them."""
    moment = moments["Open"]
    lake, s3 = bench.stage.outputs["LakeBucket"], bench.stage.client("s3")
    left = f"features/{MODEL}/online/earlier.jsonl"

    def a_run_opens_and_what_another_left_goes() -> None:
        bench.ledger.write(moment.book)
        s3.put_object(Bucket=lake, Key=left, Body=b"{}\n")
        bench.invoke("open-run", moment.context)
        if s3.list_objects_v2(Bucket=lake, Prefix=left)["KeyCount"]:
            raise Broken(f"{left} is still there")

    def a_run_opens_whose_champion_has_a_reference() -> None:
        champion = moment.book[f"MODEL#{MODEL}", f"VERSION#{OLD}"]
        older = {**champion, "sk": f"VERSION#{STAND_IN}", "version": STAND_IN}
        book = moment.book.add(older).change(MODEL, f"VERSION#{OLD}", reference_version=STAND_IN)
        bench.ledger.write(book)
        opened = bench.invoke("open-run", moment.context)
        if "reference" not in {channel["ChannelName"] for channel in opened["input_data_config"]}:
            raise Broken("the job does not get the reference")

    scenes = [a_run_opens_and_what_another_left_goes, a_run_opens_whose_champion_has_a_reference]
    return Part(bench.of_function("open-run"), scenes)


def check_data(bench: Bench, moments: Moments) -> Part:
    """One shard is older than profiles: it is read, and its profile kept."""
    moment = moments["Check data"]
    lake, s3 = bench.stage.outputs["LakeBucket"], bench.stage.client("s3")
    folder = f"profiles/{MODEL}/main/"
    upload = moment.book.of(MODEL, "UPLOAD#")[0]["upload_id"]

    def a_check_of_shards_with_and_without_a_profile() -> None:
        bench.ledger.write(moment.book)
        s3.delete_object(Bucket=lake, Key=f"{folder}{upload}.json")
        answer = bench.invoke("check-data", moment.context)
        if answer["verdict"] != "train":
            raise Broken(f"the data is judged {answer}")

    def what_the_champion_was_trained_on_is_compared_with() -> None:
        a_check_of_shards_with_and_without_a_profile()
        run = moment.context["run_id"]
        report = s3.get_object(Bucket=lake, Key=f"reports/{MODEL}/{run}/data.json")["Body"].read()
        if not json.loads(report)["compared_with"]:
            raise Broken("nothing is compared")

    scenes = [
        a_check_of_shards_with_and_without_a_profile,
        what_the_champion_was_trained_on_is_compared_with,
    ]
    return Part(bench.of_function("check-data"), scenes)


def register(bench: Bench, moments: Moments) -> Part:
    """Every model has its own package group."""
    moment = moments["Register"]
    run_id = moment.context["run_id"]

    def version_of(model: str) -> Callable[[], None]:
        def a_version() -> None:
            run = {**moment.book[f"MODEL#{MODEL}", f"RUN#{run_id}"], "pk": f"MODEL#{model}", "model": model}
            bench.ledger.write(moment.book.add(run))
            bench.invoke("register", {**moment.context, "model": model})

        a_version.__name__ = f"a_version_of_{model}"
        return a_version

    return Part(bench.of_function("register"), [version_of(model) for model in catalog.load()])


def deploy(bench: Bench, moments: Moments) -> Part:
    """Its new versions are of an image that is nowhere, so that no endpoint takes the time to come up; one is there."""
    moment, hosting = moments["Deploy"], bench.hosting
    new = moment.book[f"MODEL#{MODEL}", f"VERSION#{NEW}"]
    name, there = (bench.name(f"{MODEL}-v{number}") for number in (STAND_IN, ON_INSTANCES))
    hosting.put_in_service(there, new["package_arn"])
    nothing = hosting.nothing_of(bench.name(MODEL))

    def ask(number: int, package: str, **more: object) -> str:
        version = {**new, "sk": f"VERSION#{number}", "version": number, "package_arn": package, **more}
        bench.ledger.write(moment.book.add(version))
        context = {**moment.context, "registration": {"version": number}}
        return str(bench.invoke("deploy", context)["status"])

    def made() -> None:
        try:
            status = ask(STAND_IN, nothing)
        finally:
            is_there = hosting.status(name)
            hosting.remove(name)
        if status != "Creating" or not is_there:
            raise Broken(f"the endpoint is {status}")

    def a_new_version() -> None:
        hosting.remove(name)
        made()

    def a_version_that_was_half_deployed() -> None:
        hosting.stand_in(name, endpoint=False)
        made()

    def the_accounts_first_version_that_is_scaled() -> None:
        hosting.scale_nothing()
        status = ask(ON_INSTANCES, new["package_arn"], endpoint=there, hosting=SCALED)
        if status != "InService" or hosting.scaled() != [there]:
            raise Broken(f"the endpoint is {status}, and {hosting.scaled()} are scaled")

    scenes = [the_accounts_first_version_that_is_scaled, a_new_version, a_version_that_was_half_deployed]
    return Part(bench.of_function("deploy"), scenes)


def smoke(bench: Bench, moments: Moments) -> Part:
    moment = moments["Smoke"]

    def a_version_at_an_endpoint() -> None:
        bench.ledger.write(moment.book)
        bench.invoke("smoke", moment.context)

    def a_version_in_lambda() -> None:
        bench.ledger.write(moment.book)
        bench.invoke("smoke", {**moment.context, "endpoint": {"name": bench.name(f"host-{MODEL}")}})

    return Part(bench.of_function("smoke"), [a_version_at_an_endpoint, a_version_in_lambda])


def publish_again(bench: Bench, moments: Moments) -> None:
    """Publish the features of the model whose are looked up, for the version that serves."""
    book, model = moments["Rest"].book, "churn"
    (version,) = book.of(model, "VERSION#")
    number = int(version["version"])
    event = {"model": model, "run_id": version["run_id"], "registration": {"version": number}}
    bench.ledger.write(book)
    bench.online.forget(model, number)
    told = bench.invoke("publish", event)
    if told["status"] != "Published":
        raise Broken(f"publish says {told}")
    bench.online.expect(model, number, known=True)


def publish(bench: Bench, moments: Moments) -> Part:
    def features_are_published() -> None:
        publish_again(bench, moments)

    return Part(bench.of_function("publish"), [features_are_published])


def watch(bench: Bench, moments: Moments) -> Part:
    """Nobody asks either version: both are asked what was held out, and the candidate does well; or it failed many."""
    moment = moments["Watch"]
    step = moment.context["rollout"]
    # Whether both are equally fast is no question of grants, and a machine that does much else says so by chance.
    limits = {**step["limits"], "latency_ratio": 1000.0}
    context = {**moment.context, "rollout": {**step, "limits": limits}}
    failed = {
        "pk": f"LIVE#{MODEL}",
        "sk": f"{step['revision']:09d}#{NEW}",
        "requests": 50,
        "errors": 50,
    }

    def expect(verdict: str) -> None:
        time.sleep(max(0, datetime.fromisoformat(step["until"]).timestamp() - time.time()))
        told = bench.invoke("watch", context)
        if told["verdict"] != verdict:
            raise Broken(f"watch says {told}")

    def a_candidate_that_fails_is_withdrawn() -> None:
        bench.ledger.write(moment.book.add(failed))
        expect("breach")

    def a_candidate_that_nobody_asks_is_asked() -> None:
        bench.ledger.write(moment.book)
        expect("pass")

    def people_are_told_to_look_at_the_champion() -> None:
        """All answers of one label, against all of another: withdrawn, though it is surely better."""
        run, lake, s3 = context["run_id"], bench.stage.outputs["LakeBucket"], bench.stage.client("s3")
        where = {"Bucket": lake, "Key": f"reports/{MODEL}/{run}/report.json"}
        plain = s3.get_object(**where)["Body"].read()
        report = json.loads(plain)
        report["champion"] = {**(report["champion"] or {}), "duel": {"better": 40, "worse": 0}}
        seen = [
            {**failed, "errors": 0, "sk": f"{step['revision']:09d}#{number}", "l:1": 50, f"a:{label}": 50}
            for number, label in ((NEW, "setosa"), (OLD, "virginica"))
        ]
        bench.ledger.write(moment.book.add(seen[0]).add(seen[1]))
        bench.topic.forget()
        try:
            s3.put_object(**where, Body=json.dumps(report).encode())
            expect("breach")
        finally:
            s3.put_object(**where, Body=plain)
        bench.expect("the notification", bench.topic.heard, seconds=0)

    def versions_in_lambda_are_asked_there() -> None:
        there = {"endpoint": bench.name(f"host-{MODEL}"), "hosting": {"type": InLambda.type}}
        both = moment.book.change(MODEL, f"VERSION#{OLD}", **there)
        bench.ledger.write(both.change(MODEL, f"VERSION#{NEW}", **there))
        expect("pass")

    scenes = [
        a_candidate_that_fails_is_withdrawn,
        a_candidate_that_nobody_asks_is_asked,
        people_are_told_to_look_at_the_champion,
        versions_in_lambda_are_asked_there,
    ]
    return Part(bench.of_function("watch"), scenes)


def retire(bench: Bench, moments: Moments) -> Part:
    """The first version is needed no more: the route names the second alone."""
    moment = moments["Retire"]
    name = bench.name(f"{MODEL}-v{STAND_IN}")
    changes = {"endpoint": name, "online": SOME}
    book = moment.book.change(MODEL, "ROUTE", previous=0).change(MODEL, f"VERSION#{OLD}", **changes)

    def retired(*, endpoint: bool) -> None:
        bench.hosting.stand_in(name, endpoint=endpoint)
        bench.online.know(MODEL, OLD)
        bench.ledger.write(book)
        answer = bench.invoke("retire", moment.context)
        if answer != {"retired": [OLD]}:
            raise Broken(f"retired {answer}")
        bench.online.expect(MODEL, OLD, known=False)

    def a_version_whose_endpoint_has_gone() -> None:
        retired(endpoint=False)

    def a_version_with_its_endpoint() -> None:
        retired(endpoint=True)

    return Part(bench.of_function("retire"), [a_version_whose_endpoint_has_gone, a_version_with_its_endpoint])


PARTS = {
    "open_run": open_run,
    "check_data": check_data,
    "judge": simple("Judge", "judge"),
    "register": register,
    "deploy": deploy,
    "smoke": smoke,
    "publish": publish,
    "advance": simple("Advance", "advance"),
    "watch": watch,
    "promote": simple("Promote", "promote"),
    "retire": retire,
}
