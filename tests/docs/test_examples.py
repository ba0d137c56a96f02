import re
from pathlib import Path

import pytest

from deploy.families import families, series
from services.runtime.config import SERVICES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROLES = {
    f"inkling_{service}_{role}"
    for service in ("projector", "alerts")
    for role in ("owner", "writer", "reader")
}
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)[^)]*\)")
EXAMPLES = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, code in enumerate(BLOCK.findall(page.read_text()))
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_python_in_our_documents_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "example", "exec"), {"__name__": "example"})  # noqa: S102 our own documents


@pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    missing = [
        target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()
    ]
    assert missing == []


def test_every_metric_that_our_documents_name_is_one_of_ours() -> None:
    ours = series() | {family.name for service in SERVICES for family in families(service)}
    named = {name for page in PAGES for name in re.findall(r"inkling_[a-z_]+", page.read_text())}
    assert sorted(name for name in named - ROLES - ours if not name.endswith("_")) == []
