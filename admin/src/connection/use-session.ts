import { useEffect, useState } from 'react';
import { goToLogin } from './return-path.ts';

export interface OperatorSession {
  readonly username: string;
  readonly expires_at: string;
}

const askEveryMs = 60_000;

/** Who is logged in, and until when; goes to the login where nobody is any more. */
export function useSession(): OperatorSession | undefined {
  const [session, setSession] = useState<OperatorSession>();
  useEffect(() => {
    const ask = async (): Promise<void> => {
      try {
        const response = await fetch('/admin/session');
        if (response.ok) setSession((await response.json()) as OperatorSession);
        else if (response.status === 401) goToLogin();
      } catch {
        // The page says itself when it is offline.
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), askEveryMs);
    return () => clearInterval(timer);
  }, []);
  return session;
}
