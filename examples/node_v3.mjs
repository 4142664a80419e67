// Pay, ask, refund with npm `alipay-sdk` on the v3 REST interface: refusals are HTTP errors and raise.
// CHUANLIU_URL is such as http://127.0.0.1:8080; AUTH_CODE is a consumer's payment code.

import { AlipaySdk } from 'alipay-sdk';

const sdk = new AlipaySdk({
  appId: process.env.APP_ID,
  keyType: 'PKCS8',
  privateKey: process.env.APP_PRIVATE_KEY,
  alipayPublicKey: process.env.PLATFORM_PUBLIC_KEY,
  endpoint: process.env.CHUANLIU_URL,
});

async function call(path, body) {
  const answer = await sdk.curl('POST', path, { body });
  console.log(JSON.stringify(answer.data));
}

const out_trade_no = `example_${Date.now()}_${process.pid}`;

await call('/v3/alipay/trade/pay', {
  out_trade_no,
  scene: 'bar_code',
  auth_code: process.env.AUTH_CODE,
  subject: '龙井茶',
  total_amount: '8.88',
});
await call('/v3/alipay/trade/query', { out_trade_no });
await call('/v3/alipay/trade/refund', { out_trade_no, refund_amount: '1.00', out_request_no: 'refund_1' });
