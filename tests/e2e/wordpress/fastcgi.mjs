/** PHP behind FPM, asked without a web server between: what a request costs WordPress itself. */
import { createConnection } from 'node:net';
import { writeFile } from 'node:fs/promises';

const record = (type, content) => {
  const head = Buffer.alloc(8);
  head.writeUInt8(1, 0);
  head.writeUInt8(type, 1);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(content.length, 4);
  return Buffer.concat([head, content]);
};

const length = (n) => {
  if (n < 128) return Buffer.from([n]);
  const four = Buffer.alloc(4);
  four.writeUInt32BE((n | 0x80000000) >>> 0);
  return four;
};

const pairs = (values) => Buffer.concat(Object.entries(values).flatMap(([name, value]) => {
  const [n, v] = [Buffer.from(name), Buffer.from(String(value))];
  return [length(n.length), length(v.length), n, v];
}));

/** Where FPM listens, and its configuration. */
export async function configure(folder, children = 4) {
  const socket = `${folder}/fpm.sock`;
  const user = process.getuid?.() === 0 ? 'user = root\ngroup = root\n' : '';
  await writeFile(`${folder}/fpm.conf`, `[global]\nerror_log = ${folder}/fpm.log\ndaemonize = no\n[www]\n${user}listen = ${socket}\npm = static\npm.max_children = ${children}\nclear_env = no\ncatch_workers_output = yes\nphp_admin_value[opcache.enable] = 1\nphp_admin_value[opcache.validate_timestamps] = 0\n`);
  return { socket, file: `${folder}/fpm.conf` };
}

/** One request: its status, body, and how many milliseconds until its end was told. */
export function request(socket, root, host, method, uri, body = '', headers = {}) {
  const [path, query = ''] = uri.split('?');
  const content = Buffer.from(body);
  const values = {
    GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', SERVER_SOFTWARE: 'bench', REMOTE_ADDR: '127.0.0.1', SERVER_NAME: host.split(':')[0], SERVER_PORT: host.split(':')[1] ?? 80,
    HTTP_HOST: host, REQUEST_METHOD: method, REQUEST_URI: uri, QUERY_STRING: query, DOCUMENT_ROOT: root, SCRIPT_NAME: '/index.php', SCRIPT_FILENAME: `${root}/index.php`, PATH_INFO: path,
    CONTENT_LENGTH: content.length, CONTENT_TYPE: body ? 'application/json' : '',
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value])),
  };
  return new Promise((resolve, reject) => {
    const began = process.hrtime.bigint();
    const connection = createConnection(socket);
    let read = Buffer.alloc(0);
    let out = '';
    connection.on('error', reject);
    connection.on('data', (data) => {
      read = Buffer.concat([read, data]);
      while (read.length >= 8) {
        const size = read.readUInt16BE(4);
        const whole = 8 + size + read.readUInt8(6);
        if (read.length < whole) return;
        const type = read.readUInt8(1);
        if (type === 6) out += read.subarray(8, 8 + size);
        read = read.subarray(whole);
        if (type === 3) {
          const ms = Number(process.hrtime.bigint() - began) / 1e6;
          connection.destroy();
          const [head, ...rest] = out.split('\r\n\r\n');
          return resolve({ ms, status: Number(/^Status: (\d+)/m.exec(head)?.[1] ?? 200), head, body: rest.join('\r\n\r\n') });
        }
      }
    });
    connection.write(Buffer.concat([
      record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(4, pairs(values)), record(4, Buffer.alloc(0)),
      ...(content.length ? [record(5, content)] : []), record(5, Buffer.alloc(0)),
    ]));
  });
}
