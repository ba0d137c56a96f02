import pytest

from deploy.documents import DOCUMENTS, FOLDER


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_says_what_is_true_now(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == DOCUMENTS[name](), "run `make docs`"
