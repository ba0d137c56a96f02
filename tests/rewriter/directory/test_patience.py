from services.rewriter.directory.patience import FAILURES, REST_SECONDS, Patience


def exhausted() -> Patience:
    patience = Patience()
    for _ in range(FAILURES):
        assert patience.may_ask(0.0)
        patience.failed(0.0)
    return patience


def test_after_some_failures_in_a_row_it_is_left_alone_then_tried_by_one_call() -> None:
    patience = exhausted()
    assert patience.exhausted
    assert not patience.may_ask(REST_SECONDS - 0.1)
    assert patience.may_ask(REST_SECONDS)
    assert not patience.may_ask(REST_SECONDS)
    patience.failed(REST_SECONDS)
    assert not patience.may_ask(2 * REST_SECONDS - 0.1)
    assert patience.may_ask(2 * REST_SECONDS)
    patience.answered()
    assert patience.may_ask(2 * REST_SECONDS)
    assert not patience.exhausted


def test_an_answer_between_failures_makes_them_count_anew() -> None:
    patience = Patience()
    for _ in range(3 * FAILURES):
        patience.failed(0.0)
        patience.answered()
    assert patience.may_ask(0.0)
