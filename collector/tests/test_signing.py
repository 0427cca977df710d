import multiprocessing
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from audiosense_collector.signing import FILE, FOLDER, SigningKeyError, load_signing_key


def key_id_in(folder):
    return load_signing_key(folder).key_id


def test_the_key_is_made_once_for_its_owner_only(tmp_path):
    first, second = load_signing_key(tmp_path), load_signing_key(tmp_path)
    assert first.public_keys() == second.public_keys()
    path = tmp_path / FOLDER / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [FILE]


def test_agents_verify_with_the_published_key(tmp_path):
    key = load_signing_key(tmp_path)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_keys()[key.key_id]))
    public.verify(key.private.sign(b"manifest"), b"manifest")


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(key_id_in, [tmp_path] * 6, chunksize=1))) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path):
    load_signing_key(tmp_path)
    (tmp_path / FOLDER / FILE).chmod(0o640)
    with pytest.raises(SigningKeyError, match="mode 0640, expected 0600"):
        load_signing_key(tmp_path)


def other_key():
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


DAMAGED = {
    "empty": b"",
    "truncated": b"-----BEGIN PRIVATE KEY-----\n",
    "noise": bytes(range(100)),
    "other": other_key(),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_key_is_named_and_never_replaced(tmp_path, damage):
    content = DAMAGED[damage]
    load_signing_key(tmp_path)
    path = tmp_path / FOLDER / FILE
    path.write_bytes(content)
    with pytest.raises(SigningKeyError, match="is damaged"):
        load_signing_key(tmp_path)
    assert path.read_bytes() == content


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SigningKeyError, match=FOLDER):
        load_signing_key(tmp_path / "file")
