import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from audiosense_collector.evaluation import report
from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.recordings import find_machines
from audiosense_collector.evaluation.run import evaluate, survey_all

EVIL = "<script>alert(1)<& \"'"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.sources, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in {"meta", "line", "rect", "polyline", "polygon"}:
            self.open.append(tag)
        if tag == "audio":
            self.sources.append(dict(attrs)["src"])

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_names_each_machine_escapes_names_and_links_its_clips(tmp_path, machine, clip, quick_plan):
    machine(tmp_path / "data" / "pump" / "id 0%", channels=2)
    machine(tmp_path / "data" / "evil", abnormal=1)
    clip(tmp_path / "data" / "evil" / "abnormal" / "a#1 ?&<i>.wav", 9, fault=True)
    (tmp_path / "data" / "evil").rename(tmp_path / "data" / EVIL.replace("/", ""))
    (tmp_path / "data" / EVIL / "normal" / "<b>.wav").write_bytes(b"no sound")
    plan = quick_plan(combine=True)
    found = evaluate(survey_all(find_machines(tmp_path / "data"), plan), plan)
    folder = tmp_path / "out"
    folder.mkdir()
    report.check_writable(folder / "report.html")
    report.write(found, folder / "report.html")
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert not page.open
    assert not {"script", "b>", "i"} & set(page.tags)
    for name in (EVIL, "pump/id 0%", "pump/id 0%, channel 1", "pump/id 0% (combined)", "a#1 ?&<i>.wav", "<b>.wav"):
        assert name in page.text
    assert len(page.sources) == 3 + 2 + 3 + 2
    for source in page.sources:
        assert not re.match(r"[a-z]+:", source)
        assert (folder / unquote(source)).is_file()
    assert "http" not in text
    assert page.tags.count("polyline") == 2 + 3


def test_the_clips_to_listen_to_are_the_hardest_ones(tmp_path, machine, clip, quick_plan):
    machine(tmp_path)
    clip(tmp_path / "normal" / "odd.wav", 7, fault=True)
    clip(tmp_path / "abnormal" / "faint.wav", 8)
    plan = quick_plan()
    (heard,) = evaluate(survey_all(find_machines(tmp_path), plan), plan).single
    normal, abnormal = report.worst_clips([heard.trial])
    assert normal[0].path.name == "odd.wav"
    assert abnormal[0].path.name == "faint.wav"
    assert normal[0].above > normal[1].above
    assert abnormal[0].above < abnormal[1].above


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    with pytest.raises(EvaluationError, match="is a folder"):
        report.check_writable(tmp_path)
    with pytest.raises(EvaluationError, match="there is no folder"):
        report.check_writable(tmp_path / "missing" / "report.html")
