"""A proxy in front of the AWS provider, which spares Terraform's commands what they would do again.

    python -m tests.support.provider_proxy <provider binary>

Prints the TF_REATTACH_PROVIDERS that the provider prints in debug mode, but with its own address, and ends with its
standard input. All calls of Terraform's plug-in protocol go on to the provider as they are
(https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol), with two exceptions, which take more
processor time than the plans of the tests:

- The schemas of the provider's 2,000 types, which each command reads for 1.4 s, are reduced to the types of this
  repository.
- Answers that depend on a call's content alone are remembered. The SDK validates its own schemas in each validation of
  a provider's configuration, 0.08 s, and each `run` block of a test asks for two.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from tests.support.paths import REPOSITORY

PROVIDER: Final = "/tfplugin5.Provider/"
GET_SCHEMA: Final = "GetSchema"
SAME_ANSWERS: Final = {GET_SCHEMA, "PrepareProviderConfig", "ValidateDataSourceConfig", "ValidateResourceTypeConfig"}
"""Calls that Terraform makes of a provider without a configuration, too, so that they depend on nothing else."""
TYPES: Final = {"resources": 2, "data_sources": 3, "ephemeral_resources": 8}
"""The maps from a type's name to its schema in the answer to GetSchema, and the numbers of their fields
(https://github.com/hashicorp/terraform/blob/v1.11.4/docs/plugin-protocol/tfplugin5.8.proto)."""
CALLS: Final = 64
"""At once; more than Terraform's `-parallelism` in any test."""
UNLIMITED: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Proxy(grpc.GenericRpcHandler):
    """Passes the provider's calls on. Of go-plugin's other services Terraform needs none."""

    def __init__(self, provider: grpc.Channel, types: set[str]) -> None:
        self._provider = provider
        self._types = types
        self._answers: dict[tuple[str, bytes], bytes] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if not details.method.startswith(PROVIDER):
            return None
        call = details.method.removeprefix(PROVIDER)
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._answer(call, request, context))

    def _answer(self, call: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        if (known := self._answers.get((call, request))) is not None:
            return known
        try:
            answer: bytes = self._provider.unary_unary(PROVIDER + call)(request)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
        if call == GET_SCHEMA:
            answer = reduced(answer, self._types)
        if call in SAME_ANSWERS:
            self._answers[call, request] = answer
        return answer


def reduced(answer: bytes, types: set[str]) -> bytes:
    """An answer to GetSchema without the schemas of other types; the rest is kept as unknown fields."""
    schemas = _response_class().FromString(answer)
    for name in TYPES:
        entries = getattr(schemas, name)
        kept = [entry for entry in entries if entry.type in types]
        del entries[:]
        entries.extend(kept)
    return bytes(schemas.SerializeToString())


def _response_class() -> Any:
    """The message that answers GetSchema, as far as it concerns types."""
    file = FileDescriptorProto(name="schemas.proto", package="schemas", syntax="proto3")
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="type", number=1, type=FieldDescriptorProto.TYPE_STRING)
    entry.field.add(name="schema", number=2, type=FieldDescriptorProto.TYPE_BYTES)
    response = file.message_type.add(name="Response")
    for name, number in TYPES.items():
        kind = {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": ".schemas.Entry"}
        response.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_REPEATED, **kind)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("schemas.Response"))


def used_types() -> set[str]:
    """The types of resources and data sources in this repository's Terraform files."""
    block = re.compile(r'^(?:resource|data|ephemeral) "(aws_\w+)"', re.MULTILINE)
    files = (file for folder in ("examples", "modules", "terraform") for file in (REPOSITORY / folder).rglob("*.tf"))
    return {name for file in files for name in block.findall(file.read_text(encoding="utf-8"))}


def main(binary: Path) -> None:
    """Run the provider and the proxy until the standard input ends."""
    with (
        subprocess.Popen(
            [str(binary), "-debug"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process,
        tempfile.TemporaryDirectory(prefix="impp-provider-") as folder,
    ):
        assert process.stdout
        try:
            printed = (re.search("TF_REATTACH_PROVIDERS='(.*)'", line) for line in process.stdout)
            reattach = json.loads(next(match[1] for match in printed if match))
            (address,) = (each["Addr"] for each in reattach.values())
            server = grpc.server(ThreadPoolExecutor(CALLS), options=UNLIMITED)
            provider = grpc.insecure_channel(f"unix:{address['String']}", options=UNLIMITED)
            server.add_generic_rpc_handlers([Proxy(provider, used_types())])
            address["String"] = f"{folder}/socket"
            server.add_insecure_port(f"unix:{address['String']}")
            server.start()
            print(f"TF_REATTACH_PROVIDERS='{json.dumps(reattach)}'", flush=True)
            sys.stdin.read()
            server.stop(grace=None)
        finally:
            process.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
