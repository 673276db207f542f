/** A download that did not come through; `lasting` where trying the same again cannot help. */
export class FetchFailure extends Error {
  readonly lasting: boolean;

  constructor(message: string, lasting: boolean) {
    super(message);
    this.name = 'FetchFailure';
    this.lasting = lasting;
  }
}

const DISK = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EISDIR', 'ENOTDIR', 'EFBIG'];

/** Codes of a network that is not there at all: whoever has no connection yet waits for nothing. */
const ABSENT = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];

function codeOf(error: unknown): string {
  // Several addresses that all fail come as one error, which has the code of the first.
  return (error as NodeJS.ErrnoException | null)?.code ?? '';
}

/** True when the disk, not the network, is at fault. */
export function isDiskError(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  return DISK.includes(codeOf(error)) && syscall !== 'connect';
}

/** True when the same download would fail again; `reached` when its server has answered before. */
export function isLasting(error: unknown, reached: boolean): boolean {
  if (error instanceof FetchFailure) return error.lasting;
  if (isDiskError(error)) return true;
  return !reached && (ABSENT.includes(codeOf(error)) || /CERT|TLS|SSL/.test(codeOf(error)));
}
