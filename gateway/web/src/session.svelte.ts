// Who sits at the page, and what that role may do.
import { api, type Role, type Session } from './api';
import { speaking } from './say.svelte';

const ACTING: Role[] = ['guard', 'grid_worker', 'police', 'property', 'technician'];

let now = $state<Session | null>(null);
/** The session ended while the page was open: the login says so. */
let expired = $state(false);

export const session = {
  get known(): boolean {
    return now !== null;
  },
  get account(): string | null {
    return now?.account ?? null;
  },
  get role(): Role | null {
    return now?.role ?? null;
  },
  get firstLogin(): boolean {
    return now?.first_login === true;
  },
  get expired(): boolean {
    return expired;
  },
  /** May answer, acknowledge, open: everyone but the auditor. */
  get acts(): boolean {
    return now?.role !== undefined && ACTING.includes(now.role);
  },
  get technician(): boolean {
    return now?.role === 'technician';
  },
  get auditor(): boolean {
    return now?.role === 'auditor';
  },

  async look(): Promise<void> {
    take(await api.session());
  },
  async enter(account: string, password: string): Promise<void> {
    take(await api.login(account, password));
  },
  async setUp(code: string, account: string, password: string): Promise<void> {
    await api.firstLogin(code, account, password);
    // The first account is made; whether it is logged in by that is the gateway's choice.
    const told = await api.session();
    take(told.account ? told : await api.login(account, password));
  },
  async leave(): Promise<void> {
    await api.logout();
    now = { account: null };
    expired = false;
  },
  /** The gateway no longer knows this session. */
  end(): void {
    now = { account: null };
    expired = true;
  },
};

function take(told: Session): void {
  now = told;
  speaking.offer(told.language);
  if (told.account) expired = false;
}
