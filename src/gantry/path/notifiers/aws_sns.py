"""AWS SNS: Publish. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.path.notifiers.contract import Message, SendFailed, ask

# What AWS's own tools read, too: a private endpoint, or a stand-in for AWS.
ENDPOINT = ("AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL")
TYPE = "application/x-www-form-urlencoded; charset=utf-8"


def send_aws_sns(message: Message) -> int:
    topic = str(message.get("sns_topic_arn"))
    parts = topic.split(":")
    region = str(message.get("aws_region")) or (parts[3] if len(parts) > 3 else "")
    if not region:
        raise SendFailed("neither aws_region nor sns_topic_arn names a region", again=False)
    url = next((os.environ[name] for name in ENDPOINT if os.environ.get(name)), "")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = url or f"https://sns.{region}.{suffix}/"
    found = message.data()
    text = found if isinstance(found, str) else json.dumps(found)
    form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": text}
    body = urlencode(form).encode()
    at = datetime.now(UTC)
    headers = {
        "Host": urlsplit(url).netloc, "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}", "Content-Type": TYPE,
    }  # fmt: skip
    if message.get("aws_session_token"):
        headers["X-Amz-Security-Token"] = str(message.get("aws_session_token"))
    key = AccessKey(
        str(message.get("aws_access_key_id")), str(message.get("aws_secret_access_key"))
    )
    request = Request("POST", dict(headers), body)
    headers["Authorization"] = authorization(key, Scope(region, "sns"), at, request)
    ask(message, "POST", url, content=body, headers=headers)
    return 1
