package signin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"
)

// Login signs a local account in. From is the address that the attempt comes from, which
// limits attempts; name it truly. The error is ErrPassword, or Busy (ErrBusy) where
// nothing was compared at all.
func (s *Service) Login(ctx context.Context, name, password, from string) (Session, error) {
	set := s.settings.Load()
	account, err := s.prove(ctx, set, name, password, from)
	if err != nil {
		return Session{}, err
	}
	return set.session(name, account)
}

// Session opens one for an account, by the proof of its password. It is ErrRefused once
// the password is another one: the session would be of whoever has set that.
func (s *Service) Session(name string, by Proof) (Session, error) {
	set := s.settings.Load()
	account, ok := set.Accounts[name]
	if !ok || len(by.hash) == 0 || by.account != name || !bytes.Equal(by.hash, account.Hash) {
		return Session{}, refused("the password has changed since")
	}
	return set.session(name, account)
}

func (set *Settings) session(name string, account Account) (Session, error) {
	now := time.Now().Truncate(time.Second)
	t := ticket{
		kind: kindLogin, name: name, id: newID(), print: set.passwordPrint(account),
		issued: now, expires: now.Add(set.Session),
	}
	token, err := set.sign(t, "", nil)
	if err != nil {
		return Session{}, fmt.Errorf("opening a session: %w", err)
	}
	device, err := set.newDevice(name, account)
	if err != nil {
		return Session{}, fmt.Errorf("opening a session: %w", err)
	}
	return Session{Token: token, Expires: t.expires, Device: device}, nil
}

// LoginBrowser is Login for a browser: it gives it the session, and knows it again when
// somebody has signed in with it before.
func (s *Service) LoginBrowser(w http.ResponseWriter, r *http.Request, name, password, from string) error {
	session, err := s.Login(s.recognised(r), name, password, from)
	if err != nil {
		return err
	}
	return s.SetCookie(w, r, session)
}

// prove is the account of a name, if the password is its and it may sign in.
func (s *Service) prove(ctx context.Context, set *Settings, name, password, from string) (Account, error) {
	account, known := set.Accounts[name]
	known = known && account.Enabled && account.Login && len(account.Hash) > 0
	who := visitor{account: name, address: network(from)}
	if known {
		who.device = set.deviceOf(ctx, name, account)
	}
	attempt, err := s.throttle.enter(ctx, who)
	if err != nil {
		return Account{}, err
	}
	defer attempt.leave()
	hash := account.Hash
	if !known {
		hash = decoy(set.cost())
	}
	same, err := s.hashes.compare(ctx, hash, set.cost(), password, attempt.known)
	if err != nil {
		attempt.refund()
		return Account{}, err
	}
	if !same || !known {
		s.log.Info("sign-in failed", "from", from)
		return Account{}, ErrPassword
	}
	attempt.succeed()
	return account, nil
}
