import { execFile } from 'node:child_process';

export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

export type Kubectl = (args: readonly string[], stdin?: string) => Promise<KubectlResult>;

/** Runs the real kubectl. A refusal is a result, not an exception. */
export function kubectlOf([program = 'kubectl', ...first]: readonly string[], kubeconfig: string): Kubectl {
  return (args, stdin = '') =>
    new Promise((resolve) => {
      const options = { env: { ...process.env, KUBECONFIG: kubeconfig }, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile(program, [...first, ...args], options, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr });
      });
      // A command that reads nothing may end first.
      child.stdin?.on('error', () => {});
      child.stdin?.end(stdin);
    });
}

/** What it prints. @throws Error with what it says when it fails */
export async function printed(kubectl: Kubectl, line: string, stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(line.split(' '), stdin);
  if (code !== 0) throw new Error(`kubectl ${line}: ${stderr}`);
  return stdout;
}
