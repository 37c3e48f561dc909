"""Translations: every text of a template is a message, and a catalog changes what pages say."""

from __future__ import annotations

import gettext as gnu
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import trans_real

from gantry.web.marking import mark
from gantry.web.messages import messages, pot


@pytest.mark.parametrize(
    ("written", "marked"),
    [
        ("<h1>Log in</h1>", '<h1>{% translate "Log in" %}</h1>'),
        ("<p>Edit {{ row.name }} now</p>",
         "<p>{% blocktranslate with v0=row.name %}Edit {{ v0 }} now{% endblocktranslate %}</p>"),
        ('<a href="{% url "a" %}" aria-label="Go to {{ b }}">x</a>',
         '<a href="{% url "a" %}" aria-label="{% blocktranslate with v0=b %}Go to {{ v0 }}'
         '{% endblocktranslate %}">x</a>'),
        ("<b>{% if a < b %}Yes it is{% endif %}</b>",
         '<b>{% if a < b %}{% translate "Yes it is" %}{% endif %}</b>'),
        ("<code>gantry up</code> {{ a }} · 3", "<code>gantry up</code> {{ a }} · 3"),
        ('{% include "parts/search.html" with words="Name" %}',
         '{% include "parts/search.html" with words=_("Name") %}'),
        ('<a title="{% if a %}One two{% endif %}">&nbsp;</a>',
         '<a title="{% if a %}One two{% endif %}">&nbsp;</a>'),
    ],
)  # fmt: skip
def test_texts_are_marked_and_nothing_else(written, marked):
    assert mark(written) == marked


def test_the_messages_are_those_of_templates_forms_and_views():
    found = messages()

    for words in ("Log in", "User name", "Skip to content", "Execution environments",
                  "Nothing is selected; tick the rows first.", "May do everything."):  # fmt: skip
        assert words in found, words
    assert 'msgid "Log in"' in pot()


@pytest.fixture
def strange(db: str) -> Iterator[str]:
    """A language in which every message stands in brackets."""
    catalog = gnu.NullTranslations()
    known = messages()
    made = trans_real.DjangoTranslation("en")
    brackets = {text: f"[[{text}]]" for text in known}
    made._catalog = trans_real.TranslationCatalog()
    made._catalog._catalogs = [brackets]
    made._catalog._plurals = [lambda n: int(n != 1)]
    made.add_fallback(catalog)
    before = dict(trans_real._translations)
    for code in ("en", "en-us"):
        trans_real._translations[code] = made
    translation.activate("en-us")
    yield "en"
    trans_real._translations.clear()
    trans_real._translations.update(before)
    translation.activate("en-us")


def test_with_a_catalog_all_that_pages_say_is_translated(strange, admin):
    for address, heading in (
        ("/", "[[Dashboard]]"), ("/jobs/", "[[Jobs]]"), ("/users/add/", "[[New user]]"),
        ("/activity/", "[[Activity]]"), ("/settings/", "[[Settings]]"),
    ):  # fmt: skip
        shown = admin.get(address).content.decode()
        assert re.search(r"<h1>(.*?)</h1>", shown)[1].strip() == heading  # type: ignore[index]
    form = admin.get("/users/add/").content.decode()
    for words in ("[[User name]]", "[[They become a member of it.]]", "[[Skip to content]]",
                  'aria-label="[[Where you are]]"', 'class="column narrow"'):  # fmt: skip
        assert words in form, words
    assert "[[Log in]]" in Client().get("/login/").content.decode()
    # What clients of AWX read stays as AWX says it.
    assert admin.options("/api/v2/users/").json()["name"] == "User List"
