-- A user by then, a user within twelve months, or neither; who never had a charge is neither.
{% set a_year_later = add_months('observed_on', 12) %}
{{ share_that_holds(
    ref('users_not_users'),
    "case status
        when 'user' then coalesce(first_charge_date <= observed_on, false)
        when 'becomes_user' then coalesce(first_charge_date > observed_on and first_charge_date <= " ~ a_year_later ~ ", false)
        else coalesce(first_charge_date > " ~ a_year_later ~ ", true)
    end",
    1,
    ['company_number', 'accounts_date']
) }}
