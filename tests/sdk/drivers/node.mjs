// Driver of npm `alipay-sdk`: the v2 gateway with response validation, and v3 where the configuration says so.
// JSON lines as in conversation.py.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.env.SDK_FOLDER, 'package.json'));
const { AlipaySdk } = require('alipay-sdk');

const METHODS = {
  pay: 'alipay.trade.pay',
  create: 'alipay.trade.create',
  precreate: 'alipay.trade.precreate',
  query: 'alipay.trade.query',
  refund: 'alipay.trade.refund',
  refund_query: 'alipay.trade.fastpay.refund.query',
  close: 'alipay.trade.close',
  cancel: 'alipay.trade.cancel',
};

class Client {
  constructor(config) {
    this.config = config;
    const certificates = config.certificates && {
      appCertContent: config.certificates.app,
      alipayPublicCertContent: config.certificates.platform,
      alipayRootCertContent: config.certificates.root,
    };
    this.sdk = new AlipaySdk({
      appId: config.app_id,
      privateKey: config.app_private_key,
      keyType: config.key_format,
      gateway: `${config.url}/gateway.do`,
      endpoint: config.url,
      signType: config.sign_type,
      charset: config.charset,
      camelcase: false,
      timeout: 15000,
      ...(config.encrypt_key && { encryptKey: config.encrypt_key }),
      ...(certificates || { alipayPublicKey: config.platform_public_key }),
    });
  }

  async call(name, args) {
    const urls = {
      ...(args.notify_url && { notify_url: args.notify_url }),
      ...(args.return_url && { return_url: args.return_url }),
    };
    switch (name) {
      case 'verify_notification':
        return this.sdk.checkNotifySignV2(Object.fromEntries(new URLSearchParams(args.form)));
      case 'page_pay':
      case 'wap_pay':
        return this.sdk.pageExecute(`alipay.trade.${name.replace('_', '.')}`, args.http_method, {
          ...urls,
          bizContent: args.biz,
        });
      case 'app_pay':
        return this.sdk.sdkExecute('alipay.trade.app.pay', { ...urls, bizContent: args.biz });
      case 'curl':
        return this.curl(args.http_method, args.path, args);
      default: {
        const method = METHODS[name] ?? args.method;
        if (this.config.version === 'v3') {
          const body = { ...args.biz, ...urls };
          return this.curl('POST', `/v3/${method.replaceAll('.', '/')}`, { body });
        }
        return this.exec(method, { ...urls, bizContent: args.biz });
      }
    }
  }

  async exec(method, params) {
    const needEncrypt = Boolean(this.config.encrypt_key);
    // The SDK cannot validate an encrypted response: it looks for a brace where there is a quoted string.
    const { traceId, ...result } = await this.sdk.exec(method, { ...params, needEncrypt }, { validateSign: !needEncrypt });
    return result;
  }

  async curl(httpMethod, path, { query, body }) {
    const needEncrypt = Boolean(this.config.encrypt_key) && httpMethod !== 'GET';
    try {
      const answer = await this.sdk.curl(httpMethod, path, { query, body, needEncrypt });
      return { code: '10000', http_status: answer.responseHttpStatus, ...answer.data };
    } catch (error) {
      if (!error.responseHttpStatus || error.responseHttpStatus < 400) throw error;
      // A refusal, in the words of v2, so that one table of scenarios reads both.
      return {
        code: '40004',
        sub_code: error.code,
        sub_msg: error.message,
        links: error.links,
        http_status: error.responseHttpStatus,
      };
    }
  }
}

const clients = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    if (request.call === 'open') {
      clients.set(request.client, new Client(request.config));
      answer = { ok: true, result: null };
    } else {
      const result = await clients.get(request.client).call(request.call, request.arguments);
      answer = { ok: true, result };
    }
  } catch (error) {
    answer = { ok: false, error: { type: error.name, message: String(error.message) } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
