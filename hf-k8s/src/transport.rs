//! What it means that no answer came.

use std::error::Error;

use crate::error::{ApiError, Trouble};
use crate::words::short;

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It never reached a server that would have acted on it.
    NotSent(ApiError),
    /// It may have been acted on.
    Unanswered(ApiError),
}

impl Lost {
    /// What has to be done about it.
    pub(crate) fn error(self) -> ApiError {
        match self {
            Self::NotSent(error) | Self::Unanswered(error) => error,
        }
    }
}

/// Classifies an error of the client.
pub(crate) fn lost(error: &(dyn Error + 'static)) -> Lost {
    let chain = chain(error);
    if let Some(auth) = chain.iter().find_map(|error| error.downcast_ref::<kube::client::AuthError>()) {
        return Lost::NotSent(ApiError::new(Trouble::Denied, credentials(auth)));
    }
    let connecting = chain
        .iter()
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect);
    classify(&texts(&chain), connecting)
}

/// Classifies by what the errors say, outermost first, and whether they are about connecting.
fn classify(texts: &[String], connecting: bool) -> Lost {
    let message = short(&texts.join(": "));
    let says = |words: &str| texts.iter().any(|text| text.contains(words));
    if says("invalid peer certificate") {
        let remedy = "the server's certificate is not trusted: check `certificate-authority` and `server` of the \
                      cluster in the kubeconfig";
        return Lost::NotSent(ApiError::new(Trouble::Denied, format!("{remedy} ({message})")));
    }
    // With TLS 1.3 the server's verdict on our certificate arrives after the handshake, in place of an answer; it has
    // not looked at the request then.
    let alerts = ["BadCertificate", "Certificate", "UnknownCA", "UnknownCa", "AccessDenied"];
    if says("received fatal alert") && alerts.iter().any(|alert| says(alert)) {
        let remedy = "the server does not accept the client certificate: check `client-certificate` of the user in \
                      the kubeconfig, and whether it has expired";
        return Lost::NotSent(ApiError::new(Trouble::Denied, format!("{remedy} ({message})")));
    }
    let error = ApiError::new(Trouble::Unreachable, message);
    if connecting { Lost::NotSent(error) } else { Lost::Unanswered(error) }
}

/// Why there are no credentials. Only what is known not to contain any: the output of a credential plug-in is not
/// repeated, since it may have printed the token before it failed, nor its command line, which may hold a password.
pub(crate) fn credentials(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError as Auth;
    match error {
        Auth::AuthExecRun { out, .. } => {
            format!(
                "the kubeconfig's credential plug-in failed ({}); `kubectl auth whoami` shows why",
                out.status
            )
        }
        Auth::AuthExecStart(why) => format!("the kubeconfig's credential plug-in does not start: {why}"),
        Auth::ReadTokenFile(why, path) => format!("cannot read the token file {}: {why}", path.display()),
        Auth::MissingCommand => "the kubeconfig's credential plug-in has no `command`".to_owned(),
        Auth::InvalidBasicAuth(_) | Auth::InvalidBearerToken(_) => {
            "the credentials contain characters that cannot be sent".to_owned()
        }
        _ => {
            "the credentials of the kubeconfig's user could not be had; try `kubectl auth whoami`".to_owned()
        }
    }
}

/// An error and its causes. `io::Error` hides the error that it carries from `source`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut chain = vec![error];
    // The bound is against causes that go round in circles.
    while let Some(last) = chain.last().copied().filter(|_| chain.len() < 16) {
        let inner = last.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| last.source()) {
            Some(next) => chain.push(next),
            None => break,
        }
    }
    chain
}

/// What each error adds to those before it. kube's own repeat their causes and are left out.
fn texts(chain: &[&(dyn Error + 'static)]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for error in chain.iter().filter(|error| chain.len() == 1 || !error.is::<kube::Error>()) {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests;
