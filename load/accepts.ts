import { connect } from 'node:net';

/** Whether somebody takes connections at HOST:PORT now. */
export function accepts(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
