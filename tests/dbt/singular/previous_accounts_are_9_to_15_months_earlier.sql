-- Both ends inclusive, by calendar.
{{ share_that_holds(
    ref('lagged_financials'),
    'previous_accounts_date between '
    ~ add_months('accounts_date', -15) ~ ' and ' ~ add_months('accounts_date', -9),
    1,
    ['company_number', 'accounts_date']
) }}
