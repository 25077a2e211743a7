package signin

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Admin is the account that there always is, unless admin.enabled says otherwise.
const Admin = "admin"

// Account is a local one.
type Account struct {
	Enabled bool
	// Login: it may sign in with its password. APIKey: it may have tokens.
	Login, APIKey bool
	// Hash is its password's, made by bcrypt; empty if it has none.
	Hash []byte
	// Changed is when the password was, in whole seconds; zero if that is not known.
	Changed time.Time
	// Tokens are those that it has.
	Tokens []Token
}

// Capabilities are what it may, in the words of argocd-cm.
func (a Account) Capabilities() []string {
	may := []string{}
	if a.Login {
		may = append(may, "login")
	}
	if a.APIKey {
		may = append(may, "apiKey")
	}
	return may
}

// Token is an entry of an account's list of API tokens, or of a project role's.
type Token struct {
	ID string `json:"id"`
	// IssuedAt and ExpiresAt are Unix times; 0 is never.
	IssuedAt  int64 `json:"iat"`
	ExpiresAt int64 `json:"exp,omitempty"`
}

// place is the prefix of an account's keys in argocd-secret.
func place(name string) string {
	if name == Admin {
		return "admin."
	}
	return "accounts." + name + "."
}

func readAccounts(p *problems, cm map[string]string, secret map[string][]byte) map[string]Account {
	found := map[string]Account{
		Admin: {Enabled: truth(p, "admin.enabled", cm["admin.enabled"], true), Login: true},
	}
	for _, key := range slices.Sorted(maps.Keys(cm)) {
		name, ok := strings.CutPrefix(key, "accounts.")
		if !ok || strings.HasSuffix(name, ".enabled") {
			continue
		}
		if name == "" || strings.Contains(name, ":") {
			p.addf("argocd-cm: %s: an account needs a name, without colons", key)
			continue
		}
		account := found[name]
		if name != Admin {
			account.Enabled = truth(p, key+".enabled", cm[key+".enabled"], true)
		}
		capabilities(p, key, cm[key], &account)
		found[name] = account
	}
	for name, account := range found {
		credentials(p, name, secret, &account)
		found[name] = account
	}
	return found
}

func capabilities(p *problems, key, list string, account *Account) {
	for word := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(word) {
		case "":
		case "login":
			account.Login = true
		case "apiKey":
			account.APIKey = true
		default:
			p.addf("argocd-cm: %s: %q is not known: an account can have login and apiKey", key, strings.TrimSpace(word))
		}
	}
}

func credentials(p *problems, name string, secret map[string][]byte, account *Account) {
	at := place(name)
	if hash := secret[at+"password"]; len(hash) > 0 {
		if _, err := bcrypt.Cost(hash); err != nil {
			p.addf("argocd-secret: %spassword is not the bcrypt hash of a password: %s can't sign in; fixpoint account bcrypt makes one", at, name)
		} else {
			account.Hash = slices.Clone(hash)
		}
	}
	if text := secret[at+"passwordMtime"]; len(text) > 0 {
		changed, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			p.addf("argocd-secret: %spasswordMtime is no time such as 2026-01-31T12:00:00Z: %s can't sign in", at, name)
			account.Enabled = false
		}
		account.Changed = changed.Truncate(time.Second)
	}
	tokens, err := decodeTokens(secret[at+"tokens"])
	if err != nil {
		p.addf("argocd-secret: %stokens is no list of tokens: those of %s are refused", at, name)
	}
	account.Tokens = tokens
}

func decodeTokens(text []byte) ([]Token, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var tokens []Token
	err := json.Unmarshal(text, &tokens)
	return tokens, err
}

// listed reports whether a token is one of the list, and its time is not over.
func listed(tokens []Token, of ticket, now time.Time) bool {
	return slices.ContainsFunc(tokens, func(t Token) bool { return of.id != "" && t.is(of) && t.lasts(now) })
}

// is reports whether the entry is that of a token by its id, and not of one that was made
// later by the id of one that was deleted.
func (t Token) is(of ticket) bool { return t.ID == of.id && of.issued.Unix() >= t.IssuedAt }

func (t Token) lasts(now time.Time) bool {
	return t.ExpiresAt == 0 || now.Before(time.Unix(t.ExpiresAt, 0))
}
