"""The collector's own certificates."""

import datetime as dt

import pytest
from cryptography import x509

from audiosense_collector import tls
from audiosense_collector.errors import SettingsError
from audiosense_collector.settings import Settings


def make_settings(folder, url="https://collector.plant:8443"):
    return Settings(_env_file=None, data_dir=folder, agent_url=url)


def leaf(found):
    return x509.load_pem_x509_certificate(found.chain.read_bytes())


def test_the_certificate_names_the_host_of_the_agents_address(tmp_path):
    found = tls.ensure_tls(make_settings(tmp_path))
    names = leaf(found).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "collector.plant"} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}


def test_the_second_start_keeps_everything(tmp_path):
    first, second = (tls.ensure_tls(make_settings(tmp_path)) for _ in range(2))
    assert first.ca_pem == second.ca_pem
    assert leaf(first) == leaf(second)


def test_a_new_address_gets_a_new_certificate_of_the_same_ca(tmp_path):
    first = leaf(tls.ensure_tls(make_settings(tmp_path)))
    found = tls.ensure_tls(make_settings(tmp_path, "https://10.1.2.3:9"))
    assert leaf(found) != first
    leaf(found).verify_directly_issued_by(x509.load_pem_x509_certificate(found.ca_pem.encode()))


def test_a_certificate_near_its_end_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(tls, "SERVER_DAYS", tls.RENEW_DAYS - 1)
    short = leaf(tls.ensure_tls(make_settings(tmp_path)))
    monkeypatch.undo()
    found = tls.ensure_tls(make_settings(tmp_path))
    assert leaf(found).not_valid_after_utc - short.not_valid_after_utc > dt.timedelta(days=300)


def test_damaged_certificates_are_named(tmp_path):
    found = tls.ensure_tls(make_settings(tmp_path))
    (found.chain.parent / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="restore them"):
        tls.ensure_tls(make_settings(tmp_path))
