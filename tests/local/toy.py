"""A tiny app as ``cdk synth`` would write it, by hand: everything the laptop cloud must be able to run."""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path
from typing import Any

STACK = "relearn-toy-data"
_QUALIFIER = "hnb659fds"
_PLACE = "${AWS::AccountId}-${AWS::Region}"
_DOCKER = ["type=image,oci-mediatypes=false"]

TRAINING = '''
"""A container in miniature: train writes a model, serve answers with it."""
import http.server, json, os, pathlib, socketserver, sys, time
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
def train():
    wish = json.loads((root / "input/config/hyperparameters.json").read_text())
    files = sorted(str(p.relative_to(root / "input/data")) for p in (root / "input/data").rglob("*") if p.is_file())
    print("files", json.dumps(files)); print("score=%s;" % wish.get("score", "0.5")); print("name", os.environ["TRAINING_JOB_NAME"])
    kept = root / "checkpoints"
    if kept.is_dir():
        seen = sorted(str(p.relative_to(kept)) for p in kept.rglob("*") if p.is_file())
        (kept / "deep").mkdir(exist_ok=True); (kept / "deep" / os.environ["TRAINING_JOB_NAME"]).write_text(json.dumps(seen))
    time.sleep(float(wish.get("sleep", "0")))
    if "fail" in wish:
        (root / "output/failure").write_text(wish["fail"]); sys.exit(1)
    (root / "model/model.json").write_text(json.dumps({"answer": wish.get("answer", "42"), "files": files, "keys": "AWS_ACCESS_KEY_ID" in os.environ, "threads": os.environ.get("OMP_WAIT_POLICY")}))
    (root / "output/data/report.json").write_text("{}")
def serve():
    model = json.loads((root / "model/model.json").read_text())
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_): pass
        def reply(self, status, value):
            body = json.dumps(value).encode(); self.send_response(status); self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
        def do_GET(self): self.reply(200, {})
        def text(self, body):
            """One record a line: says how it was asked, then every line in capitals."""
            time.sleep(0.3 * body.count(b"slow"))
            status = 400 if b"refuse" in body else 500 if b"break" in body else 200
            said = "%d %s %s|" % (len(body.splitlines()), self.headers.get("accept"), os.environ.get("SAGEMAKER_BATCH_STRATEGY"))
            print("asked", said)
            body = said.encode() + body.upper()
            self.send_response(status); self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
        def do_POST(self):
            if self.headers["content-type"] == "text/plain": return self.text(self.rfile.read(int(self.headers["content-length"])))
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if asked.get("die"): os._exit(3)
            if asked.get("sleep"): time.sleep(asked["sleep"])
            if asked.get("bad"): self.reply(400, {"error": "bad input"})
            else: self.reply(200, {**model, "version": os.environ.get("RELEARN_MODEL_VERSION"), "pid": os.getpid(), "serves_with_keys": "AWS_ACCESS_KEY_ID" in os.environ, **({"padding": "x" * asked["pad"]} if asked.get("pad") else {})})
    if os.environ.get("BROKEN"): sys.exit(4)
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True; request_queue_size = 50
        def get_request(self): return self.socket.accept()[0], ("container", 0)
    Server(os.environ["RELEARN_BIND_SOCKET"], Handler).serve_forever()
{"train": train, "serve": serve}[sys.argv[1]]()
'''

FUNCTION = """
import importlib, json, os, boto3
def found(name):
    try:
        return bool(importlib.import_module(name))
    except ImportError:
        return False
def handler(event, context):
    if event.get("raise"):
        raise KeyError("what the handler raised")
    for record in event.get("Records", []):
        seen = record.get("body") or record["Sns"]["Message"]
        boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"pk": {"S": "SEEN"}, "sk": {"S": record.get("messageId") or record["Sns"]["MessageId"]}, "body": {"S": seen}})
    if event.get("rawPath", "").endswith("/raise"):
        raise KeyError("/a/path/of/ours")
    if event.get("rawPath", "").endswith("/die"):
        os._exit(3)
    if "requestContext" in event:
        return {"statusCode": 200, "headers": {"content-type": "application/json", "x-route": event["routeKey"]}, "body": json.dumps({"path": event["rawPath"], "said": event.get("body")})}
    return {"modules": [name for name in ("boto3", "index", "layered", "packaging", "relearn") if found(name)], "identity": boto3.client("sts").get_caller_identity()["Arn"], "environment": sorted(os.environ)}
"""


def write(folder: Path) -> Path:
    """Write the assembly; its folder."""
    assembly = folder / "cdk.out"
    assembly.mkdir(parents=True)
    function = _asset(assembly, {"index.py": FUNCTION})
    layer = _asset(
        assembly,
        {
            "python/layered.py": "raise RuntimeError('a wheel for another system')",
            "python/packaging/x.py": "",
        },
    )
    image = _asset(
        assembly,
        {"training/__init__.py": "", "training/__main__.py": TRAINING, "training/Dockerfile": "FROM scratch"},
    )
    template = json.dumps(_template(function, layer, image), indent=1)
    (assembly / f"{STACK}.template.json").write_text(template)
    (assembly / f"{STACK}.assets.json").write_text(json.dumps(_assets(function, layer, image, template)))
    (assembly / "manifest.json").write_text(json.dumps(_manifest(template)))
    return assembly


def image_tag(assembly: Path) -> str:
    """The tag of the assembly's one image."""
    assets = json.loads((assembly / f"{STACK}.assets.json").read_text())
    return str(next(iter(assets["dockerImages"])))


def _asset(assembly: Path, files: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    for name, text in files.items():
        path = assembly / f"asset.{digest}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return digest


def _role(name: str) -> str:
    return f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/cdk-{_QUALIFIER}-{name}-role-{_PLACE}"


def _destination(**place: str) -> dict[str, Any]:
    return {"current_account-current_region": place}


def _assets(function: str, layer: str, image: str, template: str) -> dict[str, Any]:
    bucket = f"cdk-{_QUALIFIER}-assets-{_PLACE}"
    files: dict[str, Any] = {
        digest: {
            "source": {"path": f"asset.{digest}", "packaging": "zip"},
            "destinations": _destination(
                bucketName=bucket, objectKey=f"{digest}.zip", assumeRoleArn=_role("file-publishing")
            ),
        }
        for digest in (function, layer)
    }
    digest = hashlib.sha256(template.encode()).hexdigest()
    files[digest] = {
        "source": {"path": f"{STACK}.template.json", "packaging": "file"},
        "destinations": _destination(
            bucketName=bucket, objectKey=f"{digest}.json", assumeRoleArn=_role("file-publishing")
        ),
    }
    repository = f"cdk-{_QUALIFIER}-container-assets-{_PLACE}"
    images = {
        tag: {
            "source": {"directory": f"asset.{image}", "dockerFile": "training/Dockerfile", **more},
            "destinations": _destination(
                repositoryName=repository, imageTag=tag, assumeRoleArn=_role("image-publishing")
            ),
        }
        for tag, more in (
            (image, {"dockerOutputs": _DOCKER, "platform": "linux/amd64"}),
            (f"{image}-arm", {"dockerOutputs": _DOCKER, "platform": "linux/arm64"}),
            (f"{image}-oci", {"platform": "linux/amd64"}),  # built as a current Docker does by itself
        )
    }
    return {"version": "48.0.0", "files": files, "dockerImages": images}


def _manifest(template: str) -> dict[str, Any]:
    digest = hashlib.sha256(template.encode()).hexdigest()
    return {
        "version": "48.0.0",
        "artifacts": {
            f"{STACK}.assets": {
                "type": "cdk:asset-manifest",
                "properties": {
                    "file": f"{STACK}.assets.json",
                    "requiresBootstrapStackVersion": 6,
                    "bootstrapStackVersionSsmParameter": f"/cdk-bootstrap/{_QUALIFIER}/version",
                },
            },
            STACK: {
                "type": "aws:cloudformation:stack",
                "environment": "aws://unknown-account/unknown-region",
                "properties": {
                    "templateFile": f"{STACK}.template.json",
                    "stackName": STACK,
                    "validateOnSynth": False,
                    "assumeRoleArn": _role("deploy"),
                    "cloudFormationExecutionRoleArn": _role("cfn-exec"),
                    "stackTemplateAssetObjectUrl": f"s3://cdk-{_QUALIFIER}-assets-{_PLACE}/{digest}.json",
                    "requiresBootstrapStackVersion": 6,
                    "bootstrapStackVersionSsmParameter": f"/cdk-bootstrap/{_QUALIFIER}/version",
                },
                "dependencies": [f"{STACK}.assets"],
            },
        },
    }


def _iam_role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}],
    }
    policy = {
        "PolicyName": "grants",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
    }
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, "Policies": [policy]}}


def _may(actions: list[str], *resources: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _att(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def _ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def _sub(text: str) -> dict[str, Any]:
    return {"Fn::Sub": text}


def _code(digest: str) -> dict[str, Any]:
    return {"S3Bucket": _sub(f"cdk-{_QUALIFIER}-assets-{_PLACE}"), "S3Key": f"{digest}.zip"}


def _template(function: str, layer: str, image: str) -> dict[str, Any]:
    uri = f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/cdk-{_QUALIFIER}-container-assets-{_PLACE}:{image}"
    jobs = "arn:aws:sagemaker:${AWS::Region}:${AWS::AccountId}:training-job/toy-*"
    rules = "arn:aws:events:${AWS::Region}:${AWS::AccountId}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
            },
        },
        "OnlyTls": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": _ref("Bucket"),
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": {"AWS": "*"},
                            "Action": "s3:*",
                            "Resource": [_att("Bucket"), _sub("${Bucket.Arn}/*")],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [_ref("Queue")],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": _att("Queue"),
                            "Condition": {"ArnEquals": {"aws:SourceArn": _att("Rule")}},
                        }
                    ],
                },
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "State": "ENABLED",
                "EventPattern": {
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"bucket": {"name": [_ref("Bucket")]}, "object": {"key": [{"prefix": "in/"}]}},
                },
                "Targets": [{"Id": "queue", "Arn": _att("Queue")}],
            },
        },
        "FunctionRole": _iam_role(
            "lambda.amazonaws.com",
            _may(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], _att("Queue")),
            _may(["dynamodb:PutItem"], _att("Table")),
            _may(["logs:CreateLogStream", "logs:PutLogEvents"], "*"),
        ),
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": _code(layer), "CompatibleRuntimes": ["python3.12"]},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": _att("FunctionRole"),
                "Timeout": 30,
                "Code": _code(function),
                "Layers": [_ref("Layer")],
                "Environment": {"Variables": {"TABLE": _ref("Table")}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": _att("Queue"), "FunctionName": _ref("Function")},
        },
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "toy", "ProtocolType": "HTTP"}},
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": _ref("Api"), "StageName": "$default", "AutoDeploy": True},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": _ref("Api"),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": _att("Function"),
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": _ref("Api"),
                "RouteKey": "POST /v1/models/{model}",
                "Target": _sub("integrations/${Integration}"),
            },
        },
        "ApiMayInvoke": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": _att("Function"),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": _sub(
                    "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/v1/models/{model}"
                ),
            },
        },
        "JobRole": _iam_role(
            "sagemaker.amazonaws.com",
            _may(["s3:GetObject", "s3:PutObject"], _sub("${Bucket.Arn}/*")),
            _may(["s3:ListBucket"], _att("Bucket")),
            _may(
                pull,
                _sub(
                    f"arn:aws:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/cdk-{_QUALIFIER}-container-assets-{_PLACE}"
                ),
            ),
            _may(["ecr:GetAuthorizationToken"], "*"),
            _may(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                "*",
            ),
        ),
        "MachineRole": _iam_role(
            "states.amazonaws.com",
            _may(
                ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"],
                _sub(jobs),
            ),
            _may(["events:PutTargets", "events:PutRule", "events:DescribeRule"], _sub(rules)),
            _may(["iam:PassRole"], _att("JobRole")),
            _may(["lambda:InvokeFunction"], _att("Function")),
        ),
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": _att("MachineRole"),
                "DefinitionString": _sub(json.dumps(_machine(uri))),
            },
        },
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": "toy-group"},
        },
    }
    outputs = {
        "Bucket": _ref("Bucket"),
        "Table": _ref("Table"),
        "Queue": _ref("Queue"),
        "Rule": _ref("Rule"),
        "Function": _ref("Function"),
        "Machine": _ref("Machine"),
        "JobRole": _att("JobRole"),
        "FunctionRole": _ref("FunctionRole"),
        "MachineRole": _ref("MachineRole"),
        "JobRoleName": _ref("JobRole"),
        "Image": _sub(uri),
        "ApiId": _ref("Api"),
    }
    return {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in outputs.items()}}


def _machine(uri: str) -> dict[str, Any]:
    train = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Parameters": {
            "TrainingJobName.$": "$.name",
            "RoleArn": "${JobRole.Arn}",
            "AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File"},
            "HyperParameters.$": "$.hyperparameters",
            "OutputDataConfig": {"S3OutputPath": "s3://${Bucket}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
        "ResultPath": "$.job",
        "Next": "Call",
    }
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "${Function.Arn}", "Payload.$": "$.payload"},
        "ResultPath": "$.call",
        "End": True,
    }
    return {"StartAt": "Train", "States": {"Train": train, "Call": call}}
