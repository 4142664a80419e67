#!/bin/sh
# Pay, ask, refund by the native JSON API with nothing but curl.
# CHUANLIU_URL is such as http://127.0.0.1:8080, API_KEY the merchant's api_key, AUTH_CODE a consumer's payment code.
set -eu

reference="example_$(date +%s)_$$"

call() {
  curl --silent --show-error --fail-with-body \
    --header "authorization: Bearer $API_KEY" --header "content-type: application/json" "$@"
  echo
}

# The same key sent again gives the first answer again: a repeat after a lost reply pays nothing twice.
payment=$(call --header "idempotency-key: $reference" "$CHUANLIU_URL/v1/payments" --data '{
  "payment_code": "'"$AUTH_CODE"'",
  "amount": {"currency": "CNY", "value": "8.88"},
  "subject": "龙井茶"
}')
echo "$payment"
payment_id=$(printf '%s' "$payment" | sed -n 's/.*"payment_id": *"\([0-9]*\)".*/\1/p')

call "$CHUANLIU_URL/v1/payments/$payment_id"

call --header "idempotency-key: ${reference}_refund_1" "$CHUANLIU_URL/v1/payments/$payment_id/refunds" --data '{
  "amount": {"currency": "CNY", "value": "1.00"}
}'
