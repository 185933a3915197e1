import stat

import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509

from rulekube import rules
from rulekube.cli import certificates, kubeconfig
from rulekube.cli.main import rulekube
from rulekube.cli.settings import Settings
from rulekube.engine import Database
from rulekube.errors import RuleError, SetupError
from rulekube.facts.functions import FUNCTIONS
from rulekube.policies import Policies


def test_pki_is_made_once_and_kept(tmp_path):
    first = certificates.ensure(tmp_path, ["127.0.0.1"])
    before = first.certificate.read_bytes()
    assert certificates.ensure(tmp_path, ["127.0.0.1"]).certificate.read_bytes() == before


def test_serving_certificate_is_made_anew_for_a_new_address_by_the_same_authority(tmp_path):
    ca = certificates.ensure(tmp_path, ["127.0.0.1"]).ca.read_bytes()
    pki = certificates.ensure(tmp_path, ["127.0.0.1", "10.96.0.1"])
    assert certificates.covers(pki.certificate, ["127.0.0.1", "10.96.0.1"])
    assert pki.ca.read_bytes() == ca
    leaf, authority = (x509.load_pem_x509_certificate(p.read_bytes()) for p in (pki.certificate, pki.ca))
    leaf.verify_directly_issued_by(authority)


def test_keys_are_readable_by_their_owner_alone(tmp_path):
    pki = certificates.ensure(tmp_path, ["127.0.0.1"])
    for path in (pki.key, pki.account_key, tmp_path / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_administrator_of_the_users_own_token_file_is_used(tmp_path):
    given = tmp_path / "given.csv"
    given.write_text('alice-token,alice,alice-uid,"dev"\nsecret,admin,admin-uid,"system:masters"\n')
    assert kubeconfig.ensure_tokens(tmp_path, given) == ([given], "secret")


def test_administrator_is_made_where_the_token_file_names_none(tmp_path):
    given = tmp_path / "given.csv"
    given.write_text('alice-token,alice,alice-uid,"dev"\n')
    files, token = kubeconfig.ensure_tokens(tmp_path, given)
    assert files == [given, tmp_path / "tokens.csv"]
    assert len(token) >= 24
    assert kubeconfig.ensure_tokens(tmp_path, given) == (files, token)
    assert stat.S_IMODE((tmp_path / "tokens.csv").stat().st_mode) == 0o600


def test_kubeconfig_names_server_authority_and_token(tmp_path):
    (tmp_path / "ca").write_bytes(b"pem")
    kubeconfig.write_kubeconfig(tmp_path / "sub" / "config", "https://127.0.0.1:1", tmp_path / "ca", "t")
    config = yaml.safe_load((tmp_path / "sub" / "config").read_text())
    assert config["clusters"][0]["cluster"] == {"server": "https://127.0.0.1:1", "certificate-authority-data": "cGVt"}
    assert config["users"][0]["user"] == {"token": "t"}
    assert stat.S_IMODE((tmp_path / "sub" / "config").stat().st_mode) == 0o600


def test_each_node_has_a_range_of_its_own(tmp_path):
    settings = Settings(data=tmp_path)
    assert [settings.pod_cidr_of(n) for n in (1, 2)] == ["10.244.1.0/24", "10.244.2.0/24"]


def test_too_small_a_pod_range_says_what_to_do(tmp_path):
    with pytest.raises(SetupError, match="give --pod-cidr a shorter prefix"):
        Settings(data=tmp_path, pod_cidr="10.1.0.0/23").pod_cidr_of(2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--listen", "foo"], "'foo' is not like 127.0.0.1:6443"),
        (["--listen", "127.0.0.1:x"], "does not end in a port"),
        (["--service-cidr", "10.96.0.1/16"], "is not an IPv4 range"),
        (["--service-node-port-range", "5-1"], "is not a range of ports like 30000-32767"),
        (["--runtime", "podman"], "is not one of"),
    ],
)
def test_up_refuses_wrong_options_with_what_it_expects(arguments, text):
    result = CliRunner().invoke(rulekube, ["up", *arguments])
    assert result.exit_code == 2
    assert text in result.output


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('pod_phase(Pod, "Running") :- pod(pod: Pod).\n', "derived-input"),
        ('setting("cluster-cidr", Range) :- node_pod_cidr(_, Range).\n', "forbidden-head"),
    ],
)
def test_check_refuses_what_load_refuses_in_the_same_words(tmp_path, text, code):
    path = tmp_path / "mine.dl"
    path.write_text(text)
    policies = Policies(Database.from_files(rules.paths(rules.CONTROL_PLANE), functions=FUNCTIONS))
    with pytest.raises(RuleError) as loaded:
        policies.load(str(path), text)
    checked = CliRunner().invoke(rulekube, ["check", str(path)])
    assert checked.output.strip() == str(loaded.value)
    assert f"{path}:1:1: {code}: " in checked.output
    assert f"    {text}    ^" in checked.output
