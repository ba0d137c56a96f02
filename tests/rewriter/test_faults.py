from services.rewriter.faults import BadFields, Fault


def test_every_fault_is_named() -> None:
    faults = [Fault(field="/a", detail="One."), Fault(field="/b", detail="Two.")]
    bad = BadFields(faults)
    assert bad.faults == tuple(faults)
    assert "2 fields" in str(bad)
