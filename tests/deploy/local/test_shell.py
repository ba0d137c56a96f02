import shlex

from deploy.local.shell import assignments


def test_doors_and_tokens_become_variables_that_a_shell_reads_back() -> None:
    described = {
        "tenant": "demo",
        "tracker": "http://127.0.0.1:7400",
        "tokens": {"seller": "a b'c"},
        "pids": {"kafka": [1]},
        "metrics": {},
    }
    words = shlex.split(" ".join(assignments(described)))
    assert words == ["tenant=demo", "tracker=http://127.0.0.1:7400", "seller=a b'c"]
