/* A setup file: colours that a terminal or a CI asks for, and the AWS account of whoever runs tests, are not what they are about. */
for (const name of ['FORCE_COLOR', 'AWS_PROFILE', 'AWS_SESSION_TOKEN']) delete process.env[name];
