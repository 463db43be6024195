import json

from training.report import for_terminal, markdown_table, write_report


def test_columns_line_up_and_numbers_stand_right():
    assert markdown_table(["who", "share"], [["anna", "5%"], ["bo", "100.00%"]]) == [
        "| who  |   share |",
        "| ---- | ------: |",
        "| anna |      5% |",
        "| bo   | 100.00% |",
        "",
    ]
    assert markdown_table(["a", "b"], [], "rl")[1] == "| ---: | ---- |"


def test_figures_and_table_bear_the_same_name(tmp_path):
    write_report(tmp_path / "new" / "people", {"mean": 0.5}, "| table |")
    assert json.loads((tmp_path / "new" / "people.json").read_text()) == {"mean": 0.5}
    assert (tmp_path / "new" / "people.md").read_text() == "| table |"


def test_on_a_terminal_a_table_lines_up_without_markdown():
    rows = [["A", "90.0 %"], ["**all**", "**100.0 %**"]]
    table = "\n".join(["## Stills", "", *markdown_table(["class", "right"], rows), "Over all of these."])
    assert for_terminal(table).splitlines() == [
        "Stills",
        "",
        "class          right",
        "A             90.0 %",
        "all          100.0 %",
        "",
        "Over all of these.",
    ]
