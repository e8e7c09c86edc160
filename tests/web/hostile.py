"""Forty texts that would do harm where a page took them for markup, script or a template; and some that only look odd."""

from __future__ import annotations

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg onload=alert(1)>", "{{7*7}}", "{% raw %}", "javascript:alert(1)",
    "</title><script>alert(1)</script>", "<a href='javascript:alert(1)'>x</a>", "&lt;b&gt;", "\u202egnp.exe", "שלום עולם", "a" * 400,
    "</textarea><script>alert(1)</script>", "--><script>alert(1)</script>", "<iframe srcdoc='<script>alert(1)</script>'>", "\"' autofocus onfocus=alert(1) x=",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>", "<style>*{display:none}</style>", "<base href='https://evil.example/'>",
    "[x](javascript:alert(1))", "![x](https://evil.example/x.png)", "<details open ontoggle=alert(1)>", "\\x3cscript\\x3e", "${alert(1)}",
    "<img src='x' onerror='alert(1)'>", "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><script>alert(1)</script></svg>",
    "<input onfocus=alert(1) autofocus>", "<video><source onerror=alert(1)></video>", "<form action=javascript:alert(1)><button>go</button></form>",
    "<object data='javascript:alert(1)'></object>", "<embed src='https://evil.example/x.swf'>", "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>", "<template><script>alert(1)</script></template>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "</script><script>alert(1)</script>", '"});alert(1);({"', "<!--<img src=--><img src=x onerror=alert(1)>", "<button formaction=javascript:alert(1)>x</button>",
]  # fmt: skip
