#!/bin/sh
# Sell in three instalments by the native JSON API with nothing but curl: quote, hold an offer, pay, look, refund a part.
# CHUANLIU_URL is such as http://127.0.0.1:8080, API_KEY the merchant's api_key, AUTH_CODE a consumer's payment code.
set -eu

reference="example_$(date +%s)_$$"
amount='{"currency": "CNY", "value": "1000.00"}'

call() {
  curl --silent --show-error --fail-with-body \
    --header "authorization: Bearer $API_KEY" --header "content-type: application/json" "$@"
  echo
}

# The value of a member that is a string of digits.
digits() {
  printf '%s' "$1" | sed -n 's/.*"'"$2"'": *"\([0-9]*\)".*/\1/p'
}

# All that the consumer has, side by side, cheapest first. Her code opens one quote, and pays by it afterwards.
quote=$(call --header "idempotency-key: ${reference}_quote" "$CHUANLIU_URL/v1/quotes" --data '{
  "payment_code": "'"$AUTH_CODE"'",
  "amount": '"$amount"'
}')
echo "$quote"
quote_id=$(printf '%s' "$quote" | sed -n 's/^{"quote_id": *"\([0-9]*\)".*/\1/p')
offer=$(printf '%s' "$quote" | grep -o '"offer":[0-9]*,"means":"[a-z_]*","instalments":3,' | head -n 1 | tr -cd '0-9,' | cut -d, -f1)

# Hold it: until the quote expires, no budget that bears its fee runs out.
call "$CHUANLIU_URL/v1/quotes/$quote_id/confirm" --data '{"offer": '"$offer"'}'

payment=$(call --header "idempotency-key: $reference" "$CHUANLIU_URL/v1/payments" --data '{
  "payment_code": "'"$AUTH_CODE"'",
  "amount": '"$amount"',
  "subject": "紫砂壶",
  "quote_id": "'"$quote_id"'"
}')
echo "$payment"

call "$CHUANLIU_URL/v1/plans/$(digits "$payment" plan_id)"

call --header "idempotency-key: ${reference}_refund_1" \
  "$CHUANLIU_URL/v1/payments/$(digits "$payment" payment_id)/refunds" --data '{
  "amount": {"currency": "CNY", "value": "300.00"}
}'
