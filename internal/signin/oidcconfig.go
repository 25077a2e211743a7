package signin

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// OIDC is an identity provider, as oidc.config of argocd-cm says.
type OIDC struct {
	Name, Issuer, ClientID, ClientSecret string
	// CLIClientID is the client that programs of people are; "" is ClientID.
	CLIClientID string
	// Scopes are asked for; Claims are asked for in ID tokens.
	Scopes []string
	Claims map[string]any
	// LogoutURL is where people go who sign out; "" is what the provider says.
	LogoutURL string
	// Audiences are those of ID tokens that are accepted.
	Audiences []string
	// NoAudience accepts ID tokens that have none.
	NoAudience bool
	// RootCA holds the certificates in PEM that verify the provider's; "" is the
	// system's.
	RootCA string
	// SkipVerify verifies no certificate.
	SkipVerify bool
	// UserInfo asks the provider for groups, at UserInfoPath below the issuer; "" is
	// what the provider says.
	UserInfo     bool
	UserInfoPath string
	DomainHint   string
}

type oidcConfig struct {
	Name                   string         `json:"name"`
	Issuer                 string         `json:"issuer"`
	ClientID               string         `json:"clientID"`
	ClientSecret           string         `json:"clientSecret"`
	CLIClientID            string         `json:"cliClientID"`
	RequestedScopes        []string       `json:"requestedScopes"`
	RequestedIDTokenClaims map[string]any `json:"requestedIDTokenClaims"`
	LogoutURL              string         `json:"logoutURL"`
	AllowedAudiences       []string       `json:"allowedAudiences"`
	SkipAudience           bool           `json:"skipAudienceCheckWhenTokenHasNoAudience"`
	RootCA                 string         `json:"rootCA"`
	PKCE                   bool           `json:"enablePKCEAuthentication"`
	EnableUserInfoGroups   bool           `json:"enableUserInfoGroups"`
	UserInfoPath           string         `json:"userInfoPath"`
	UserInfoCache          string         `json:"userInfoCacheExpiration"`
	DomainHint             string         `json:"domainHint"`
	RefreshTokenThreshold  string         `json:"refreshTokenThreshold"`
	Azure                  *oidcAzure     `json:"azure"`
}

type oidcAzure struct {
	UseWorkloadIdentity bool `json:"useWorkloadIdentity"`
}

// readOIDC is nil where there is no provider, or what is said of it can't be used.
func readOIDC(p *problems, cm map[string]string, secret map[string][]byte, lookup Lookup) *OIDC {
	text := cm["oidc.config"]
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var c oidcConfig
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		p.addf("argocd-cm: oidc.config is not what it should be (nobody can sign in by it): %v", err)
		return nil
	}
	if err := yaml.UnmarshalStrict([]byte(text), &oidcConfig{}); err != nil {
		p.addf("argocd-cm: oidc.config has what is not known, and is ignored: %v", err)
	}
	c.warn(p)
	skip := truth(p, "oidc.tls.insecure.skip.verify", cm["oidc.tls.insecure.skip.verify"], false)
	before := len(p.list)
	refs := references{p: p, secret: secret, lookup: lookup}
	for _, field := range []*string{&c.Issuer, &c.ClientID, &c.ClientSecret, &c.CLIClientID, &c.LogoutURL, &c.RootCA} {
		*field = refs.resolve(*field)
	}
	for i := range c.AllowedAudiences {
		c.AllowedAudiences[i] = refs.resolve(c.AllowedAudiences[i])
	}
	o := c.provider(p)
	o.SkipVerify = skip
	if len(p.list) > before {
		return nil
	}
	return o
}

func (c oidcConfig) warn(p *problems) {
	if c.Azure != nil && c.Azure.UseWorkloadIdentity {
		p.addf("argocd-cm: oidc.config: azure.useWorkloadIdentity is not supported: give a clientSecret")
	}
	if c.RefreshTokenThreshold != "" {
		p.addf("argocd-cm: oidc.config: refreshTokenThreshold is ignored: when an ID token has expired, its owner signs in again")
	}
}

func (c oidcConfig) provider(p *problems) *OIDC {
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http" {
		p.addf("argocd-cm: oidc.config: issuer has to be the provider's address, such as https://id.example.com")
	}
	if c.ClientID == "" {
		p.addf("argocd-cm: oidc.config: clientID is missing")
	}
	o := &OIDC{
		Name: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, CLIClientID: c.CLIClientID,
		Scopes: c.RequestedScopes, Claims: c.RequestedIDTokenClaims, LogoutURL: c.LogoutURL,
		Audiences: c.AllowedAudiences, NoAudience: c.SkipAudience,
		UserInfo: c.EnableUserInfoGroups, UserInfoPath: c.UserInfoPath, DomainHint: c.DomainHint, RootCA: c.RootCA,
	}
	if o.Name == "" {
		o.Name = "SSO"
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"openid", "profile", "email", "groups"}
	}
	if !slices.Contains(o.Scopes, "openid") {
		o.Scopes = append([]string{"openid"}, o.Scopes...)
	}
	if len(o.Audiences) == 0 {
		o.Audiences = []string{c.ClientID}
		if c.CLIClientID != "" {
			o.Audiences = append(o.Audiences, c.CLIClientID)
		}
	}
	if c.RootCA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.RootCA)) {
		p.addf("argocd-cm: oidc.config: rootCA holds no certificate in PEM")
	}
	return o
}

// references resolves "$key" by argocd-secret and "$secret:key" by lookup.
type references struct {
	p      *problems
	secret map[string][]byte
	lookup Lookup
}

func (r references) resolve(value string) string {
	ref, ok := strings.CutPrefix(strings.TrimSpace(value), "$")
	if !ok {
		return value
	}
	name, key, other := strings.Cut(ref, ":")
	if !other {
		if v, ok := r.secret[ref]; ok {
			return strings.TrimRight(string(v), "\r\n")
		}
		r.p.addf("argocd-cm: oidc.config: argocd-secret has no key %q", ref)
		return ""
	}
	if r.lookup != nil {
		if v, ok := r.lookup(name, key); ok {
			return strings.TrimRight(v, "\r\n")
		}
	}
	r.p.addf("argocd-cm: oidc.config: there is no Secret %q with the key %q, labelled app.kubernetes.io/part-of: argocd", name, key)
	return ""
}

func baseURL(p *problems, key, value string) string {
	value = strings.TrimRight(strings.TrimSpace(value), "/")
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		p.addf("argocd-cm: %s: %q is no address such as https://fixpoint.example.com", key, value)
		return ""
	}
	return value
}

func moreURLs(p *problems, list string) []string {
	var urls, found []string
	if err := yaml.Unmarshal([]byte(list), &urls); err != nil {
		p.addf("argocd-cm: additionalUrls is no list of addresses")
	}
	for _, u := range urls {
		if u = baseURL(p, "additionalUrls", u); u != "" {
			found = append(found, u)
		}
	}
	return found
}
