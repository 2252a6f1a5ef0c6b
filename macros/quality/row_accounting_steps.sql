{#-
    The steps after landing, in the order of the flow, as a list of {step, follows, reads, ends_in, ...}:
        follows        step whose rows out are the rows in of this one
        reads          model that the rows come from, counted by its snapshot_month
        reads_where    which of its rows, where not all
        ends_in        model that has each of these rows again, with the left_out_reason of those that were left out
        ends_in_where  which of its rows, where not all
        ends_in_mart   instead of ends_in: mart of one row a company and accounts_date, which has no snapshot_month
        reason         with it: why its rows go no further, in SQL
-#}
{%- macro row_accounting_steps() -%}
    {%- set steps = [] -%}

    {%- for file, entity in delivered_entities().items() -%}
        {%- set is_lookup = entity in delivered_lookups() -%}
        {%- do steps.append({
            'step': 'current ' ~ entity | replace('_', ' '),
            'follows': 'landing ' ~ file,
            'reads': 'stg_ukltd__' ~ entity,
            'reads_where': delivered_by_build_month(),
            'ends_in': 'int_lookup_codes__screened' if is_lookup else 'int_' ~ entity ~ '__screened',
            'ends_in_where': "lookup = '" ~ entity ~ "'" if is_lookup else 'true',
        }) -%}
    {%- endfor -%}

    {%- do steps.extend([
        {
            'step': 'delivered companies to company history',
            'follows': 'landing CI01',
            'reads': 'stg_ukltd__companies',
            'reads_where': delivered_by_build_month(),
            'ends_in': 'int_company_history__screened',
        },
        {
            'step': 'charges to invoice finance charges',
            'follows': 'current charges',
            'reads': 'int_charges',
            'ends_in': 'int_invoice_finance_charges__screened',
        },
        {
            'step': 'companies to users',
            'follows': 'current companies',
            'reads': 'int_companies',
            'ends_in': 'int_users__screened',
        },
        {
            'step': 'accounts to users_not_users',
            'follows': 'current accounts',
            'reads': 'int_accounts',
            'ends_in_mart': 'users_not_users',
            'reason': 'cast(null as varchar)',
        },
        {
            'step': 'accounts to lagged_financials',
            'follows': 'current accounts',
            'reads': 'int_accounts',
            'ends_in_mart': 'lagged_financials',
            'reason': 'cast(null as varchar)',
        },
        {
            'step': 'observations to train on',
            'follows': 'current accounts',
            'reads': 'int_accounts',
            'ends_in': 'int_training_rows__screened',
        },
        {
            'step': 'observations to predict',
            'follows': 'current accounts',
            'reads': 'int_accounts',
            'ends_in': 'int_prediction_rows__screened',
        },
        {
            'step': 'to_predict to eligible companies',
            'follows': 'observations to predict',
            'reads': 'int_prediction_rows__screened',
            'reads_where': 'left_out_reason is null',
            'ends_in_mart': 'to_predict',
            'reason': 'ineligible_reason',
        },
    ]) -%}

    {{- return(steps) -}}
{%- endmacro -%}
