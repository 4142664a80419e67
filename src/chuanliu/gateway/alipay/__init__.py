"""The Alipay OpenAPI dialect, v2 (`gateway.do`) and v3 (REST): bytes in, checked values out, and signed bytes back."""

from chuanliu.gateway.alipay.answers import (
    GATEWAY_ANSWERS,
    IN_PROCESS,
    SUCCESS,
    Answer,
    GatewayRefused,
    business_answer,
    gateway_answer,
)
from chuanliu.gateway.alipay.biz_content import (
    METHODS,
    BizRequest,
    CancelRequest,
    CashierRequest,
    CertificateRequest,
    CloseRequest,
    CreateRequest,
    OrderReference,
    OrderTerms,
    PayRequest,
    PrecreateRequest,
    QueryRequest,
    RefundQueryRequest,
    RefundRequest,
    read_biz_content,
)
from chuanliu.gateway.alipay.business_answers import answer_for, mapped_codes
from chuanliu.gateway.alipay.emission import (
    Json,
    ResponseFrame,
    response_body,
    response_frame,
    response_node,
    signed_response,
)
from chuanliu.gateway.alipay.fields import FieldInvalid
from chuanliu.gateway.alipay.forms import (
    NOTIFICATION_CONTENT_TYPE,
    app_pay_result,
    check_return_url,
    order_string,
    signed_form,
    signed_return_url,
)
from chuanliu.gateway.alipay.members import masked_logon_id, return_members
from chuanliu.gateway.alipay.notify_form import alipay_notification, notification_members
from chuanliu.gateway.alipay.opening import OpenedRequest, open_request
from chuanliu.gateway.alipay.ordering import OrderDetails, details_of
from chuanliu.gateway.alipay.parameters import RawParameters, parse_order_string, parse_parameters
from chuanliu.gateway.alipay.qr import order_id_of_qr, qr_text
from chuanliu.gateway.alipay.rest import (
    OpenedRest,
    RestRequest,
    method_of_path,
    open_rest,
    path_of_method,
    rest_body,
    rest_error,
    rest_response_headers,
)
from chuanliu.gateway.alipay.sign_string import form_sign_string, request_sign_string, signature_matches
from chuanliu.parties import AppKeys

__all__ = [
    "GATEWAY_ANSWERS",
    "IN_PROCESS",
    "METHODS",
    "NOTIFICATION_CONTENT_TYPE",
    "SUCCESS",
    "Answer",
    "AppKeys",
    "BizRequest",
    "CancelRequest",
    "CashierRequest",
    "CertificateRequest",
    "CloseRequest",
    "CreateRequest",
    "FieldInvalid",
    "GatewayRefused",
    "Json",
    "OpenedRequest",
    "OpenedRest",
    "OrderDetails",
    "OrderReference",
    "OrderTerms",
    "PayRequest",
    "PrecreateRequest",
    "QueryRequest",
    "RawParameters",
    "RefundQueryRequest",
    "RefundRequest",
    "ResponseFrame",
    "RestRequest",
    "alipay_notification",
    "answer_for",
    "app_pay_result",
    "business_answer",
    "check_return_url",
    "details_of",
    "form_sign_string",
    "gateway_answer",
    "mapped_codes",
    "masked_logon_id",
    "method_of_path",
    "notification_members",
    "open_request",
    "open_rest",
    "order_id_of_qr",
    "order_string",
    "parse_order_string",
    "parse_parameters",
    "path_of_method",
    "qr_text",
    "read_biz_content",
    "request_sign_string",
    "response_body",
    "response_frame",
    "response_node",
    "rest_body",
    "rest_error",
    "rest_response_headers",
    "return_members",
    "signature_matches",
    "signed_form",
    "signed_response",
    "signed_return_url",
]
