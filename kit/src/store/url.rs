//! Where a store is, as `--store` names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::mysql_tls::MySqlTls;
use crate::config::{BadSetting, Settings};

const MYSQL: &str = "mysql://";
const MYSQL_PORT: u16 = 3306;

/// An engine and where it is, for a service that knows them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: a file of this machine.
    Sqlite(PathBuf),
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE?ssl-mode=MODE`: a MariaDB.
    MySql(MySqlUrl),
}

/// `sqlite:PATH`, a file of this machine, for a service that knows SQLite alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteUrl(pub PathBuf);

/// A database of a MariaDB, and who asks. It is never printed with its password.
#[derive(Clone, PartialEq, Eq)]
pub struct MySqlUrl {
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) tls: MySqlTls,
}

/// A text that names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStoreUrl {
    /// There is no such engine.
    #[error("expected sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE")]
    Engine,
    /// The service knows SQLite alone.
    #[error("expected sqlite:PATH")]
    NoSqlite,
    /// `sqlite:` names no file.
    #[error("expected a path after sqlite:")]
    Path,
    /// `mysql://` names nobody.
    #[error("expected USER or USER:PASSWORD and an @ after mysql://")]
    User,
    /// There is no host between `@` and `/`.
    #[error("expected HOST or HOST:PORT after the @")]
    Host,
    /// What follows the host is no port.
    #[error("expected a port from 1 to 65535 after the host")]
    Port,
    /// It names no database, or more than one.
    #[error("expected the name of one database after the host: /DATABASE")]
    Database,
    /// It has another option than the one there is.
    #[error(
        "expected nothing after the database but ?ssl-mode=, which is disabled, required, verify_ca or verify_identity"
    )]
    Options,
    /// A `%` begins no byte of a text.
    #[error("expected a % only before two hexadecimal digits, in user, password and database")]
    Escape,
}

impl FromStr for SqliteUrl {
    type Err = NoStoreUrl;

    fn from_str(text: &str) -> Result<Self, NoStoreUrl> {
        let path = text.strip_prefix("sqlite:").ok_or(NoStoreUrl::NoSqlite)?;
        // Only a file survives the process.
        if matches!(path, "" | ":memory:") || path.ends_with('/') {
            return Err(NoStoreUrl::Path);
        }
        Ok(Self(PathBuf::from(path)))
    }
}

impl fmt::Display for SqliteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.0.display())
    }
}

impl StoreUrl {
    /// The same, with the certificates that the settings name, for a database that is asked within TLS.
    ///
    /// # Errors
    /// A setting is bad.
    pub fn within(self, settings: &Settings) -> Result<Self, BadSetting> {
        match self {
            Self::MySql(mut url) => {
                url.tls.read_files(settings)?;
                Ok(Self::MySql(url))
            }
            sqlite => Ok(sqlite),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = NoStoreUrl;

    fn from_str(text: &str) -> Result<Self, NoStoreUrl> {
        if text.starts_with(MYSQL) {
            return text.parse().map(Self::MySql);
        }
        match text.parse() {
            Ok(SqliteUrl(path)) => Ok(Self::Sqlite(path)),
            Err(NoStoreUrl::NoSqlite) => Err(NoStoreUrl::Engine),
            Err(other) => Err(other),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::MySql(url) => url.fmt(f),
        }
    }
}

impl FromStr for MySqlUrl {
    type Err = NoStoreUrl;

    fn from_str(text: &str) -> Result<Self, NoStoreUrl> {
        let rest = text.strip_prefix(MYSQL).ok_or(NoStoreUrl::Engine)?;
        // The last one: people do not escape those in their passwords.
        let (who, place) = rest.rsplit_once('@').ok_or(NoStoreUrl::User)?;
        let (user, password) = match who.split_once(':') {
            Some((user, password)) => (user, Some(decoded(password)?)),
            None => (who, None),
        };
        if user.is_empty() {
            return Err(NoStoreUrl::User);
        }
        let (authority, database) = place.split_once('/').ok_or(NoStoreUrl::Database)?;
        let (host, port) = host_and_port(authority)?;
        let (database, options) = match database.split_once('?') {
            Some((database, options)) => (database, Some(options)),
            None => (database, None),
        };
        Ok(Self {
            user: decoded(user)?,
            password,
            host,
            port,
            database: database_name(database)?,
            tls: MySqlTls::parse(options)?,
        })
    }
}

impl fmt::Display for MySqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, .. } = self;
        match host.contains(':') {
            true => write!(f, "{MYSQL}{user}@[{host}]:{}", self.port)?,
            false => write!(f, "{MYSQL}{user}@{host}:{}", self.port)?,
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for MySqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `host`, `host:port` or `[::1]:port`, the host without its brackets.
fn host_and_port(authority: &str) -> Result<(String, u16), NoStoreUrl> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(NoStoreUrl::Host)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(NoStoreUrl::Host);
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| NoStoreUrl::Port)?,
        None if port.is_empty() => MYSQL_PORT,
        None => return Err(NoStoreUrl::Host),
    };
    match port {
        0 => Err(NoStoreUrl::Port),
        port => Ok((host.to_owned(), port)),
    }
}

fn database_name(text: &str) -> Result<String, NoStoreUrl> {
    if text.contains('#') {
        return Err(NoStoreUrl::Options);
    }
    match text {
        "" => Err(NoStoreUrl::Database),
        text if text.contains('/') => Err(NoStoreUrl::Database),
        text => decoded(text),
    }
}

/// A text whose special characters may be written as `%40`.
fn decoded(text: &str) -> Result<String, NoStoreUrl> {
    let is_byte = |rest: &str| {
        let digits = rest.as_bytes().get(..2).unwrap_or_default();
        digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit)
    };
    if !text.split('%').skip(1).all(is_byte) {
        return Err(NoStoreUrl::Escape);
    }
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| NoStoreUrl::Escape)?.into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_alike() {
        let url: StoreUrl = "sqlite:./data/x.db".parse().unwrap();
        assert_eq!(url, StoreUrl::Sqlite("./data/x.db".into()));
        assert_eq!(url.to_string(), "sqlite:./data/x.db");
        let url: SqliteUrl = "sqlite:./data/x.db".parse().unwrap();
        assert_eq!(url.to_string(), "sqlite:./data/x.db");
        for text in ["mysql://me@db:3307/shop", "mysql://me@[::1]:3306/shop"] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_database_is_named_with_who_asks() {
        let parts = |text: &str| {
            let url: MySqlUrl = text.parse().unwrap();
            let password = url.password.unwrap_or_else(|| "none".to_owned());
            format!(
                "{} {password} {} {} {}",
                url.user, url.host, url.port, url.database
            )
        };
        assert_eq!(parts("mysql://me@db/shop"), "me none db 3306 shop");
        assert_eq!(parts("mysql://me:@db:1/shop"), "me  db 1 shop");
        assert_eq!(parts("mysql://me:p:@/x@[::1]/s"), "me p:@/x ::1 3306 s");
        assert_eq!(
            parts("mysql://m%40e:%c3%bc%25@db/a%2Fb"),
            "m@e ü% db 3306 a/b"
        );
    }

    #[test]
    fn a_password_is_never_printed() {
        let url: StoreUrl = "mysql://me:secret@db/shop".parse().unwrap();
        assert_eq!(url.to_string(), "mysql://me@db:3306/shop");
        assert_eq!(format!("{url:?}"), "MySql(mysql://me@db:3306/shop)");
    }

    #[test]
    fn what_names_no_store_is_refused_by_what_is_wrong_with_it() {
        use NoStoreUrl::{Database, Engine, Escape, Host, Options, Path, Port, User};
        for (text, why) in [
            ("", Engine),
            ("x.db", Engine),
            ("postgres://x", Engine),
            ("mysql:x", Engine),
            ("sqlite:", Path),
            ("sqlite::memory:", Path),
            ("sqlite:data/", Path),
            ("mysql://", User),
            ("mysql://db/shop", User),
            ("mysql://@db/shop", User),
            ("mysql://:secret@db/shop", User),
            ("mysql://me@/shop", Host),
            ("mysql://me@:3306/shop", Host),
            ("mysql://me@[::1/shop", Host),
            ("mysql://me@[::1]x/shop", Host),
            ("mysql://me@d b/shop", Host),
            ("mysql://me@db:/shop", Port),
            ("mysql://me@db:0/shop", Port),
            ("mysql://me@db:65536/shop", Port),
            ("mysql://me@db", Database),
            ("mysql://me@db:3306/", Database),
            ("mysql://me@db/a/b", Database),
            ("mysql://me@db/shop?ssl-mode=maybe", Options),
            ("mysql://me@db/shop?timeout=1", Options),
            ("mysql://me@db/shop#1", Options),
            ("mysql://m%e@db/shop", Escape),
            ("mysql://me:%f@db/shop", Escape),
            ("mysql://me:%ff@db/shop", Escape),
        ] {
            assert_eq!(text.parse::<StoreUrl>(), Err(why), "{text:?}");
        }
    }

    #[test]
    fn where_sqlite_alone_is_known_no_other_engine_is_a_store() {
        for (text, why) in [
            ("mysql://me:secret@db/shop", NoStoreUrl::NoSqlite),
            ("x.db", NoStoreUrl::NoSqlite),
            ("sqlite:", NoStoreUrl::Path),
        ] {
            assert_eq!(text.parse::<SqliteUrl>(), Err(why), "{text:?}");
        }
    }
}
