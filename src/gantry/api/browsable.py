"""The API as pages in a browser: Django REST framework's, with the API's own addresses as links.

Styles and scripts are served from the package; web/templates/rest_framework/api.html is the frame.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from rest_framework.renderers import BrowsableAPIRenderer

_ADDRESS = re.compile(r"&quot;(/api/(?:(?!&quot;)\S)*)&quot;")


class BrowsablePages(BrowsableAPIRenderer):
    def get_content(self, *args: Any) -> SafeString:
        text = escape(super().get_content(*args))
        # Escaped above: what is put into the page here are its own parts.
        return mark_safe(_ADDRESS.sub(r'&quot;<a href="\1">\1</a>&quot;', text))  # noqa: S308
