"""Keys of `vertexai.yml` that only Vertex AI has a meaning for, and those that cannot be."""

from typing import Any

import pytest
from google.cloud.aiplatform_v1 import types
from kfp.pipeline_spec import pipeline_spec_pb2

from kedro_vertexai.config import RunConfig, parse_config
from kedro_vertexai.config_unsupported import unsupported
from kedro_vertexai.errors import ConfigError

KEY = "projects/my-project/locations/europe-west1/keyRings/ring/cryptoKeys/my-key_1"
PEERING = {"domain": "my-domain.corp.", "target_project": "dns", "target_network": "vpc"}


def run_config(**keys: Any) -> RunConfig:
    return parse_config(_file(keys), "vertexai.yml").run_config


def finding(**keys: Any) -> str:
    """The one line that these keys are refused with."""
    with pytest.raises(ConfigError) as caught:
        run_config(**keys)
    (line,) = str(caught.value).splitlines()
    return line.removeprefix("vertexai.yml: ")


def _file(keys: dict[str, Any]) -> dict[str, Any]:
    run = {"image": "demo", **keys}
    return {"project_id": "my-project", "region": "europe-west1", "run_config": run}


class TestNetwork:
    def test_reserved_ranges_are_names_within_a_vpc_network(self) -> None:
        config = run_config(network={"vpc": "my-vpc"}, reserved_ip_ranges=["range-1", "r2"])
        assert config.reserved_ip_ranges == ("range-1", "r2")

    def test_reserved_ranges_without_a_network_are_refused(self) -> None:
        assert finding(reserved_ip_ranges=["range-1"]) == (
            "run_config: reserved_ip_ranges are those of a VPC network: name it under network.vpc"
        )

    @pytest.mark.parametrize("name", ["10.0.0.0/24", "Range", "1range", "range-", "r" * 64])
    def test_a_range_that_is_no_name_is_refused(self, name: str) -> None:
        line = finding(network={"vpc": "v"}, reserved_ip_ranges=[name])
        assert line.startswith("run_config.reserved_ip_ranges[0]: expected the name of a reserved")

    @pytest.mark.parametrize(
        "name", ["my-attachment", "projects/p-1/regions/europe-west1/networkAttachments/a"]
    )
    def test_an_attachment_is_named_shortly_or_in_full(self, name: str) -> None:
        assert run_config(psc_interface={"network_attachment": name}).psc_interface == (
            run_config(psc_interface={"network_attachment": f" {name} "}).psc_interface
        )

    @pytest.mark.parametrize(
        "name", ["projects/p/networkAttachments/a", "projects/p/global/networks/n", "My", "a/b"]
    )
    def test_what_is_no_attachment_is_refused(self, name: str) -> None:
        line = finding(psc_interface={"network_attachment": name})
        assert line.startswith("run_config.psc_interface.network_attachment: expected a network")

    def test_the_interface_has_the_fields_of_the_api(self) -> None:
        section = {"network_attachment": "my-attachment", "dns_peering_configs": [PEERING]}
        read = run_config(psc_interface=section).psc_interface.model_dump()
        message = types.PscInterfaceConfig(read)
        assert message.network_attachment == "my-attachment"
        assert message.dns_peering_configs[0] == types.DnsPeeringConfig(PEERING)

    def test_a_peered_domain_ends_in_a_dot(self) -> None:
        peering = {**PEERING, "domain": "my-domain.corp"}
        section = {"network_attachment": "a", "dns_peering_configs": [peering]}
        assert finding(psc_interface=section) == (
            "run_config.psc_interface.dns_peering_configs[0].domain: expected a DNS suffix that "
            "ends in a dot, such as my-domain.corp., got 'my-domain.corp'"
        )

    def test_peering_without_an_attachment_is_refused(self) -> None:
        line = finding(psc_interface={"dns_peering_configs": [PEERING]})
        assert line == (
            "run_config.psc_interface: dns_peering_configs need a network_attachment beside them"
        )

    def test_a_key_of_the_interface_at_the_wrong_depth_is_told_where_it_belongs(self) -> None:
        assert finding(network_attachment="a") == (
            "run_config.network_attachment: unknown key, it belongs under run_config.psc_interface"
        )


class TestEncryptionKey:
    def test_it_is_the_resource_name_of_a_key(self) -> None:
        assert run_config(encryption_key=KEY).encryption_key == KEY

    @pytest.mark.parametrize(
        "written", [f"{KEY}/cryptoKeyVersions/1", "my-key", KEY[:-9], f"/{KEY}"]
    )
    def test_anything_else_is_refused_with_the_form(self, written: str) -> None:
        line = finding(encryption_key=written)
        assert line.startswith("run_config.encryption_key: expected the resource name of a Cloud")
        assert "projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY" in line

    def test_a_key_of_another_region_is_refused(self) -> None:
        assert finding(encryption_key=KEY.replace("europe-west1", "us-east1")) == (
            "run_config.encryption_key: the key is in us-east1, and Vertex AI in europe-west1 "
            "takes only one of its own region"
        )


class TestCaching:
    def test_a_word_speaks_of_every_task(self) -> None:
        assert run_config(caching=True).caching == {"__default__": True}

    def test_names_are_beside_a_default_of_false(self) -> None:
        assert run_config(caching={"train": True}).caching == {"__default__": False, "train": True}

    @pytest.mark.parametrize("written", [1, {"train": 0}, {"train": {"enabled": True}}, "often"])
    def test_what_is_no_flag_is_refused(self, written: object) -> None:
        assert "expected true or false" in finding(caching=written)


UNSUPPORTED = {
    "machine_type": "cpu, memory and gpu",
    "accelerator_type": "node_selectors",
    "spot": "grouping",
    "disk_size": "memory",
    "boot_disk_size_gb": "memory",
    "persistent_resource_id": "grouping",
    "timeout": "in the node itself",
}


class TestWhatNoTaskCanBeGiven:
    @pytest.mark.parametrize("key", UNSUPPORTED)
    def test_such_a_key_is_refused_with_what_to_do_instead(self, key: str) -> None:
        places = {
            f"run_config.{key}": {key: "x"},
            f"run_config.resources.train.{key}": {"resources": {"train": {key: "x"}}},
        }
        for place, keys in places.items():
            line = finding(**keys)
            assert line.startswith(f"{place}: ")
            assert "unknown key" not in line
            assert UNSUPPORTED[key] in line

    def test_spelling_does_not_matter(self) -> None:
        assert unsupported("Machine-Type") == unsupported("machine_type")

    def test_a_node_may_have_such_a_name(self) -> None:
        assert run_config(resources={"timeout": {"cpu": 1}}).resources["timeout"].cpu == "1"

    def test_the_messages_of_the_api_have_no_field_for_them(self) -> None:
        deployment = pipeline_spec_pb2.PipelineDeploymentConfig
        messages = (
            pipeline_spec_pb2.PipelineTaskSpec,
            deployment.PipelineContainerSpec,
            deployment.PipelineContainerSpec.ResourceSpec,
            types.PipelineJob.RuntimeConfig.pb(),
            types.PipelineJob.pb(),
        )
        fields = {field.name for message in messages for field in message.DESCRIPTOR.fields}
        words = ("machine", "spot", "disk", "persistent", "timeout", "duration")
        assert [field for field in fields if any(word in field for word in words)] == []
