// Pay, ask, refund with npm `alipay-sdk` on the v2 gateway.
// CHUANLIU_URL is such as http://127.0.0.1:8080; AUTH_CODE is a consumer's payment code.

import { AlipaySdk } from 'alipay-sdk';

const sdk = new AlipaySdk({
  appId: process.env.APP_ID,
  keyType: 'PKCS8',
  privateKey: process.env.APP_PRIVATE_KEY,
  alipayPublicKey: process.env.PLATFORM_PUBLIC_KEY,
  gateway: `${process.env.CHUANLIU_URL}/gateway.do`,
  camelcase: false,
});

async function call(method, bizContent) {
  // Without validateSign the SDK believes any answer.
  const answer = await sdk.exec(method, { bizContent }, { validateSign: true });
  console.log(JSON.stringify(answer));
  if (answer.code !== '10000') throw new Error(answer.sub_code);
}

const out_trade_no = `example_${Date.now()}_${process.pid}`;

await call('alipay.trade.pay', {
  out_trade_no,
  scene: 'bar_code',
  auth_code: process.env.AUTH_CODE,
  subject: '龙井茶',
  total_amount: '8.88',
});
await call('alipay.trade.query', { out_trade_no });
await call('alipay.trade.refund', { out_trade_no, refund_amount: '1.00', out_request_no: 'refund_1' });
