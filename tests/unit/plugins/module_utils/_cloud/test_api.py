# Copyright: (c) 2026, The mooring.storage authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are repeated, and those that must not be."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from keystoneauth1 import exceptions as session_errors

from ansible_collections.mooring.storage.plugins.module_utils._cloud.api import Api
from ansible_collections.mooring.storage.plugins.module_utils._cloud.errors import (
    Busy,
    CloudError,
    CredentialRefused,
    Forbidden,
    InUse,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    Timeout,
    Unanswered,
    Unavailable,
)
from ansible_collections.mooring.storage.plugins.module_utils._cloud.observing import Call, Wait
from ansible_collections.mooring.storage.plugins.module_utils._cloud.waiting import Deadline

from .test_waiting import FakeClock


class Scripted:
    """A proxy that gives the answers it was given, in that order."""

    def __init__(self, *answers: tuple[int, dict[str, str]] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.text = json.dumps({"fault": {"message": "its words"}}).encode()

    def request(self, url: str, method: str, **options: Any) -> requests.Response:
        self.requests.append({"url": url, "method": method, **options})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, response.url = answer[0], url
        response.headers.update(
            {"x-openstack-request-id": "req-1", "content-type": "application/json", **answer[1]}
        )
        response._content = self.text
        response.request = requests.Request(method, f"http://cloud{url}").prepare()
        return response


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.calls: list[Call] = []
        self.waits: list[Wait] = []

    def begins(self, name: str) -> None:
        self.begun.append(name)

    def ends(self, call: Call) -> None:
        self.calls.append(call)

    def waited(self, wait: Wait) -> None:
        self.waits.append(wait)


def send(service: Scripted, seconds: float = 60.0) -> tuple[FakeClock, list[Call], CloudError | None]:
    clock, watcher = FakeClock(), Watcher()
    api = Api(lambda: service, "3.50", watcher)
    try:
        api.request("volume_get", "GET", "/volumes/1", "read volume 1", Deadline.after(seconds, clock))
    except CloudError as error:
        assert len(watcher.begun) == len(watcher.calls)
        return clock, watcher.calls, error
    return clock, watcher.calls, None


@pytest.mark.parametrize("status", [429, 503])
def test_the_service_says_when_to_come_again(status: int) -> None:
    service = Scripted((status, {"Retry-After": "7"}), (200, {}))
    clock, calls, error = send(service)
    assert error is None
    assert clock.slept == [7.0]
    assert [call.error for call in calls] == ["Busy" if status == 429 else "Unavailable", ""]
    assert [call.repeats for call in calls] == [0, status]


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("25", 25.0),
        ("Wed, 21 Oct 2026 07:28:40 GMT", 40.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        # Without a time zone, without a sense, and a digit that is no number.
        ("Wed, 21 Oct 2026 07:28:40 -0000", 1.0),
        ("soon", 1.0),
        ("-1", 1.0),
        ("²", 1.0),
        ("", 1.0),
    ],
)
def test_the_service_is_taken_by_its_word(said: str, pause: float) -> None:
    asked_again = {"Retry-After": said, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    clock, dummy, error = send(Scripted((503, asked_again), (200, {})))
    assert error is None
    assert clock.slept == [pause]


def test_a_date_says_nothing_without_the_services_own() -> None:
    asked_again = {"Retry-After": "Wed, 21 Oct 2026 07:28:40 GMT"}
    assert send(Scripted((503, asked_again), (200, {})))[0].slept == [1.0]


def test_who_is_wanted_after_the_deadline_does_not_wait_for_it() -> None:
    service = Scripted((503, {"Retry-After": "25"}))
    clock, dummy, error = send(service, seconds=20)
    assert isinstance(error, Unavailable)
    assert clock.slept == []


def test_a_service_that_always_says_at_once_is_not_asked_without_a_pause() -> None:
    at_once = (503, {"Retry-After": "0"})
    assert send(Scripted(at_once, at_once, at_once, (200, {})))[0].slept == [0.0, 2.0, 4.0]


def test_without_a_word_the_pauses_grow() -> None:
    service = Scripted(*[(503, {})] * 5, (200, {}))
    clock, dummy, error = send(service)
    assert error is None
    assert clock.slept == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_the_deadline_ends_the_repeating() -> None:
    clock, dummy, error = send(Scripted(*[(503, {})] * 9), seconds=4)
    assert isinstance(error, Unavailable)
    assert sum(clock.slept) < 4


def test_no_request_after_the_deadline() -> None:
    service = Scripted((200, {}))
    error = send(service, seconds=0)[2]
    assert isinstance(error, Timeout)
    assert service.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, CredentialRefused),
        (403, Forbidden),
        (404, NotFound),
        (409, InUse),
        (413, QuotaExceeded),
        (422, InvalidRequest),
        (500, Unavailable),
        (599, Unavailable),
    ],
)
def test_a_status_is_one_error_and_sent_once(status: int, kind: type[CloudError]) -> None:
    service = Scripted((status, {}))
    dummy, calls, error = send(service)
    assert error.__class__ == kind
    assert str(error) == f"cannot read volume 1: its words (HTTP {status}) (request req-1)"
    assert len(service.requests) == 1
    assert calls[0].request_id == "req-1"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (session_errors.Unauthorized("wrong"), CredentialRefused),
        (session_errors.EndpointNotFound("none"), InvalidRequest),
    ],
)
def test_what_the_session_raises_is_translated(failure: Exception, kind: type[CloudError]) -> None:
    dummy, calls, error = send(Scripted(failure))
    assert error.__class__ == kind
    assert calls[0].error == kind.__name__


LOST = [session_errors.ConnectFailure("reset"), session_errors.ConnectTimeout("slow"), (502, {}), (504, {})]


@pytest.mark.parametrize("loss", LOST)
def test_a_lost_request_is_sent_once_more(loss: Any) -> None:
    dummy, calls, error = send(Scripted(loss, (200, {})))
    assert error is None
    assert [call.error for call in calls] == ["Unanswered", ""]
    assert send(Scripted(loss, loss, (200, {})))[2].__class__ == Unanswered


def test_a_request_that_took_all_the_time_there_was_says_how_it_failed() -> None:
    clock = FakeClock()

    class Slow(Scripted):
        def request(self, url: str, method: str, **options: Any) -> requests.Response:
            clock.sleep(options["timeout"])
            return super().request(url, method, **options)

    service = Slow(session_errors.ConnectTimeout("slow"), (200, {}))
    with pytest.raises(Unanswered, match="slow"):
        Api(lambda: service, "3.50").request("volume_get", "GET", "/v", "read", Deadline.after(5, clock))


@pytest.mark.parametrize("loss", LOST)
def test_a_lost_post_is_not_repeated(loss: Any) -> None:
    service = Scripted(loss, (200, {}))
    clock = FakeClock()
    with pytest.raises(Unanswered):
        Api(lambda: service, "3.50").request(
            "volume_create", "POST", "/volumes", "create", Deadline.after(5, clock)
        )
    [sent] = service.requests
    # Not the SDK's own repetition either, and no end at the caller's deadline.
    assert (sent["connect_retries"], sent["timeout"]) == (0, 30.0)


def test_an_answer_that_is_not_the_services_own() -> None:
    service = Scripted((200, {}))
    service.text = b"<html>a proxy's page</html>"
    error = send(service)[2]
    assert error.__class__ == Unavailable
    assert "cannot read volume 1" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "default backend - 404",
        "<html><title>404 Not Found</title></html>",
        "",
        "null",
        # webob, of a path that the service does not have, and gateways.
        '{"message": "It could not be found.<br />", "code": "404 Not Found", "title": "Not Found"}',
        '{"message": "no Route matched with those values"}',
        '{"detail": "Not Found"}',
    ],
)
def test_nothing_is_absent_by_the_word_of_another(text: str) -> None:
    service = Scripted((404, {}))
    service.text = text.encode()
    error = send(service)[2]
    assert error.__class__ == Unavailable
    assert "cannot read volume 1: the answer is HTTP 404, but not of the service itself" in str(error)


def test_what_the_service_does_not_know_is_absent() -> None:
    service = Scripted((404, {}))
    service.text = b'{"itemNotFound": {"code": 404, "message": "Volume 1 could not be found."}}'
    error = send(service)[2]
    assert error.__class__ == NotFound
    assert "Volume 1 could not be found. (HTTP 404)" in str(error)


def test_nothing_is_absent_for_want_of_a_token() -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 404, b'{"error": {"code": 404, "message": "Not Found"}}'
    answer.headers["content-type"] = "application/json"
    failure = session_errors.from_response(answer, "POST", "http://cloud/v3/auth/tokens")
    assert send(Scripted(failure))[2].__class__ == Unavailable


def test_what_is_not_the_clouds_fault_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        send(Scripted(ZeroDivisionError()))


def test_a_request_takes_no_longer_than_its_caller_waits() -> None:
    service = Scripted((200, {}))
    send(service, seconds=12)
    assert service.requests[0]["timeout"] == 12
    assert service.requests[0]["microversion"] == "3.50"


def test_too_many_requests_without_end_is_busy() -> None:
    error = send(Scripted((429, {"Retry-After": "99"})), seconds=5)[2]
    assert isinstance(error, Busy)
