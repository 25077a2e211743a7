// Package signin says who asks: it knows accounts and their passwords, sessions, API
// tokens and the identity provider, all as Argo CD keeps them in argocd-cm,
// argocd-secret and its AppProjects. What somebody may do is not its business.
//
// Tokens that it issues are JWTs, signed with server.secretkey by HMAC-SHA256:
//
//	iss  "argocd" of accounts and project roles, "fixpoint" of people whom the
//	     identity provider knows
//	sub  "<account>:login", "<account>:apiKey", "proj:<project>:<role>", or what the
//	     provider says
//	aud  "fixpoint" of sessions; API tokens have none, as Argo CD's have none
//	jti, iat, nbf, exp
//	pwd  of sessions: a fingerprint of the password, or of the provider's settings,
//	     that they were opened with
//	name, groups  of people whom the provider knows
//
// Cookies besides that of the session are sealed with AES-256-GCM, under keys that are
// derived from server.secretkey.
package signin
