package control

import (
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfigs writes the administrator's kubeconfig and those from which
// the components read their identity.
func writeKubeconfigs(keys *pki, server string) error {
	if err := os.MkdirAll("kubeconfig", 0o700); err != nil {
		return err
	}
	for file, identity := range map[string]string{
		"admin.kubeconfig":              "admin",
		"kubeconfig/controller-manager": "controller-manager",
		"kubeconfig/scheduler":          "scheduler",
	} {
		text, err := clientcmd.Write(*keys.kubeconfig(server, identity))
		if err != nil {
			return err
		}
		if err := writeFile(file, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfig holds its certificates itself, so that the file can be copied.
func (p *pki) kubeconfig(server, identity string) *clientcmdapi.Config {
	leaf := p.leafs[identity]
	config := clientcmdapi.NewConfig()
	config.Clusters["localcluster"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: p.ca.certPEM}
	config.AuthInfos[identity] = &clientcmdapi.AuthInfo{ClientCertificateData: leaf.certPEM, ClientKeyData: leaf.keyPEM}
	config.Contexts["localcluster"] = &clientcmdapi.Context{Cluster: "localcluster", AuthInfo: identity, Namespace: "default"}
	config.CurrentContext = "localcluster"
	return config
}

// restConfig is for a client in this process, without a limit on its requests.
func (p *pki) restConfig(server, identity, userAgent string) *rest.Config {
	leaf := p.leafs[identity]
	return &rest.Config{
		Host:      server,
		UserAgent: userAgent,
		QPS:       -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: p.ca.certPEM, CertData: leaf.certPEM, KeyData: leaf.keyPEM,
		},
		ContentConfig: rest.ContentConfig{
			ContentType: "application/vnd.kubernetes.protobuf", AcceptContentTypes: "application/vnd.kubernetes.protobuf,application/json",
		},
	}
}
