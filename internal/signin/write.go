package signin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxTokens is how many tokens an account may have: argocd-secret has a bound, and other
// accounts' passwords are in it.
const maxTokens = 500

// Account is a local one, as the settings in force have it; false if there is none.
func (s *Service) Account(name string) (Account, bool) {
	a, ok := s.settings.Load().Accounts[name]
	return a, ok
}

// Accounts are all of them by name, which nobody may change.
func (s *Service) Accounts() map[string]Account { return s.settings.Load().Accounts }

// Tokens are the API tokens of an account, as they are listed.
func (s *Service) Tokens(account string) ([]Token, error) {
	a, err := s.account(account)
	return slices.Clone(a.Tokens), err
}

func (s *Service) account(name string) (Account, error) {
	a, ok := s.settings.Load().Accounts[name]
	if !ok {
		return Account{}, model.As(model.ErrNotFound, fmt.Errorf("there is no account %q in argocd-cm", name))
	}
	return a, nil
}

// IssueToken makes an API token for an account, and lists it. It ends after expiresIn; 0
// is never. An id of "" is a random one.
func (s *Service) IssueToken(ctx context.Context, account string, expiresIn time.Duration, id string) (string, error) {
	a, err := s.account(account)
	switch {
	case err != nil:
		return "", err
	case !a.Enabled || !a.APIKey:
		return "", model.Invalidf("the account %s may not have tokens: set accounts.%s: apiKey in argocd-cm, and enable it", account, account)
	}
	signed, entry, err := s.newToken(ticket{kind: kindAPIKey, name: account, id: id}, expiresIn)
	if err != nil {
		return "", err
	}
	return signed, s.updateTokens(ctx, account, func(list []Token) ([]Token, error) {
		if len(list) >= maxTokens {
			list = slices.DeleteFunc(list, func(t Token) bool { return !t.lasts(time.Now()) })
		}
		switch {
		case slices.ContainsFunc(list, func(t Token) bool { return t.ID == entry.ID }):
			return nil, model.Invalidf("the account %s has a token %q already", account, entry.ID)
		case len(list) >= maxTokens:
			return nil, model.Invalidf("the account %s has %d tokens, as many as it may have: revoke some", account, maxTokens)
		}
		return append(list, entry), nil
	})
}

// IssueProjectToken makes a token for a role of a project, as IssueToken does for an
// account. It is good once the role lists the entry.
func (s *Service) IssueProjectToken(project, role string, expiresIn time.Duration, id string) (token string, entry Token, err error) {
	return s.newToken(ticket{kind: kindProject, name: access.RoleSubject(project, role), id: id}, expiresIn)
}

// newToken signs a ticket that begins now, and makes the entry to list it by.
func (s *Service) newToken(t ticket, expiresIn time.Duration) (string, Token, error) {
	switch {
	case expiresIn < 0:
		return "", Token{}, model.Invalidf("a token can't end before it begins")
	case len(t.id) > 200:
		return "", Token{}, model.Invalidf("a token's id has at most 200 bytes")
	case t.id == "." || t.id == ".." || t.id != seen(t.id): // else it could not be named to revoke it
		return "", Token{}, model.Invalidf("a token's id has letters, digits and signs that can be seen, no space around them, and is not \".\" or \"..\"")
	}
	t.id, t.issued = cmp.Or(t.id, newID()), time.Now().Truncate(time.Second)
	entry := Token{ID: t.id, IssuedAt: t.issued.Unix()}
	if expiresIn > 0 {
		t.expires = t.issued.Add(expiresIn)
		entry.ExpiresAt = t.expires.Unix()
	}
	signed, err := s.settings.Load().sign(t, "", nil)
	if err != nil {
		return "", Token{}, fmt.Errorf("issuing a token: %w", err)
	}
	return signed, entry, nil
}

// DeleteToken revokes an account's API token.
func (s *Service) DeleteToken(ctx context.Context, account, id string) error {
	if _, err := s.account(account); err != nil {
		return err
	}
	return s.updateTokens(ctx, account, func(list []Token) ([]Token, error) {
		left := slices.DeleteFunc(slices.Clone(list), func(t Token) bool { return t.ID == id })
		if len(left) == len(list) {
			return nil, model.As(model.ErrNotFound, fmt.Errorf("the account %s has no token %q", account, id))
		}
		return left, nil
	})
}

// updateTokens changes an account's list; what becomes of it holds here at once. It is
// model.ErrTransient while the account's password is another one than was read: whoever
// was let in by the one of before may be somebody whom the change is to keep out.
func (s *Service) updateTokens(ctx context.Context, account string, change func([]Token) ([]Token, error)) error {
	key := place(account) + "tokens"
	return s.update(ctx, account, func(data map[string][]byte, a *Account) error {
		if !a.current(account, data) {
			return model.As(model.ErrTransient, fmt.Errorf("the password of %s was changed just now: try again", account))
		}
		list, err := decodeTokens(data[key])
		if err != nil {
			return model.Invalidf("argocd-secret: %s is no list of tokens: repair or remove it", key)
		}
		if list, err = change(list); err != nil {
			return err
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		data[key], a.Tokens = text, list
		return nil
	})
}

// current reports whether the account has the password that the Secret has.
func (a *Account) current(name string, secret map[string][]byte) bool {
	var now Account
	credentials(&problems{}, name, secret, &now)
	return bytes.Equal(now.Hash, a.Hash) && now.Changed.Equal(a.Changed)
}

func (s *Service) update(ctx context.Context, name string, change func(map[string][]byte, *Account) error) error {
	if s.store == nil {
		return errors.New("accounts can't be changed here")
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var a Account
	err := s.store.Update(ctx, func(data map[string][]byte) error {
		var err error
		if a, err = s.account(name); err != nil {
			return err
		}
		return change(data, &a)
	})
	if err != nil {
		s.log.Warn("an account was not changed", "account", name, "err", err)
		return fmt.Errorf("writing argocd-secret: %w", err)
	}
	for {
		old := s.settings.Load()
		set := *old
		set.Accounts = maps.Clone(old.Accounts)
		set.Accounts[name] = a
		if s.settings.CompareAndSwap(old, &set) {
			s.lasting.review(&set)
			return nil
		}
	}
}

// PasswordChange asks for another password of an account.
type PasswordChange struct {
	Account string
	// By is the account that asks, Current its password: nobody changes one who has only
	// found an open session. From is the address that it comes from.
	By, Current, From string
	New               string
}

// UpdatePassword changes a password. Sessions and tokens of the account end with it. Who
// may change that of another is for the caller to know. Errors are those of Login, and
// model.ErrInvalid of a password that is not good enough.
func (s *Service) UpdatePassword(ctx context.Context, c PasswordChange) error {
	if _, err := s.account(c.Account); err != nil {
		return err
	}
	proof, err := s.Confirm(ctx, c.By, c.Current, c.From)
	if err != nil {
		return err
	}
	_, err = s.SetPassword(ctx, c.Account, c.New, proof)
	return err
}

// Proof is that somebody knew the password of an account. It holds as long as the account
// has that password. The zero Proof is of whoever need not know one.
type Proof struct {
	account string
	hash    []byte
}

// holds reports whether the password of the proof is still that of its account.
func (p Proof) holds(secret map[string][]byte) bool {
	return p.account == "" || bytes.Equal(secret[place(p.account)+"password"], p.hash)
}

// Confirm proves that a password is that of an account which may sign in. Errors are
// those of Login.
func (s *Service) Confirm(ctx context.Context, account, password, from string) (Proof, error) {
	found, err := s.prove(ctx, s.settings.Load(), account, password, from)
	return Proof{account: account, hash: found.Hash}, err
}

// SetPassword is UpdatePassword for who has given proof before. It returns the proof of
// the new password.
func (s *Service) SetPassword(ctx context.Context, account, password string, by Proof) (Proof, error) {
	if _, err := s.account(account); err != nil {
		return Proof{}, err
	}
	hash, err := hashNew(s.settings.Load(), password)
	if err != nil {
		return Proof{}, err
	}
	changed := time.Now().UTC().Truncate(time.Second)
	err = s.update(ctx, account, func(data map[string][]byte, a *Account) error {
		if !by.holds(data) { // somebody was faster, maybe to keep this one out
			return ErrPassword
		}
		at := place(account)
		data[at+"password"], data[at+"passwordMtime"] = hash, []byte(changed.Format(time.RFC3339))
		a.Hash, a.Changed = hash, changed
		return a.endTokens(data, at+"tokens")
	})
	return Proof{account: account, hash: hash}, err
}

// endTokens takes those off the list that would outlive the change of the password: they
// are of the same second, or of a replica whose clock is ahead. A list that nobody can read
// is of none.
func (a *Account) endTokens(data map[string][]byte, key string) error {
	list, err := decodeTokens(data[key])
	if err != nil {
		return nil //nolint:nilerr // as said
	}
	left := slices.DeleteFunc(slices.Clone(list), func(t Token) bool { return t.IssuedAt >= a.Changed.Unix() })
	if a.Tokens = left; len(left) == len(list) {
		return nil
	}
	data[key], err = json.Marshal(left)
	return err
}

func hashNew(set *Settings, password string) ([]byte, error) {
	switch {
	case len(password) > longest:
		return nil, model.Invalidf("a password has at most %d bytes", longest)
	case set.Pattern == nil || !set.Pattern.MatchString(password):
		return nil, model.Invalidf("the new password does not match the pattern that passwordPattern of argocd-cm asks for; by default it has 8 to 32 characters")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return nil, errors.New("the new password can't be hashed")
	}
	return hash, nil
}
